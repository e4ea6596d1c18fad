using System.Numerics;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <summary>Reads the registers of context banks: how each translates.</summary>
/// <param name="unit">The SMMU.</param>
/// <param name="banks">Its banks.</param>
/// <param name="hasWideVmids">Whether VMIDs are of 16 bits, in CBA2R.</param>
internal readonly struct Smmu2PathBuilder(Smmu2Unit unit, Smmu2BankState[] banks, bool hasWideVmids)
{
    private const int LongOutputBits = Smmu2Stage.MostLongBits;
    private const int LeastSize = 16;
    private const int MostSize = 39;
    private const int ConcatenationBits = 4;
    private const int DirectoryShift = 14;
    private const int InputBits32 = 32;

    // On a bus of 49 bits, beside 48 of an address.
    private const int SignOfBus = 48;

    private static ReadOnlySpan<byte> Granules => [12, 16, 14, 0];

    private static ReadOnlySpan<byte> UpperGranules => [0, 14, 12, 16];

    private static ReadOnlySpan<byte> Widths => [32, 36, 40, 42, 44, 48, 48, 48];

    private static ReadOnlySpan<byte> Signs => [31, 35, 39, 41, 43, 47];

    /// <summary>How a bank translates (IHI 0062, section 3.8.4).</summary>
    /// <param name="bank">The bank.</param>
    /// <param name="fault">Why it cannot, as a bit of sGFSR.</param>
    /// <returns>Null if its type cannot be, or is to fault.</returns>
    public Smmu2Path? TryBuild(int bank, out uint fault)
    {
        var state = banks[bank];
        fault = Smmu2Global.Faults.InvalidContext;
        switch (state.Type)
        {
            case Smmu2BankType.Stage2 when unit.HasStage2:
                return state.IsEnabled ? Stage2Path(bank) : PlainPath(bank, -1);
            case Smmu2BankType.Stage1 when unit.HasStage1:
                return state.IsEnabled ? Stage1Path(bank, -1) : PlainPath(bank, -1);
            case Smmu2BankType.Nested when unit.HasNested:
                int second = new Smmu2BankAttributes(state.Attributes).SecondBank;
                if (second >= banks.Length)
                {
                    fault = Smmu2Global.Faults.NoSuchBank;
                    return null;
                }

                if (banks[second].Type != Smmu2BankType.Stage2 || (state.Has64BitTables && !banks[second].Has64BitTables))
                {
                    return null;
                }

                return state.IsEnabled ? Stage1Path(bank, second)
                    : banks[second].IsEnabled ? Stage2Path(bank, second)
                    : PlainPath(bank, second);
            default:
                return null;
        }
    }

    /// <summary>What FSR.FORMAT says of a bank.</summary>
    public Smmu2TableFormat FormatOf(int bank) =>
        banks[bank].Type == Smmu2BankType.Stage2 ? FormatOfSecond(banks[bank]) : FormatOfFirst(banks[bank]);

    /// <summary>The VMID of what a bank translates.</summary>
    public ushort VmidOf(int bank)
    {
        var state = banks[bank];
        var attributes = new Smmu2BankAttributes(state.Attributes);
        if (attributes.Type == Smmu2BankType.Nested && attributes.SecondBank < banks.Length)
        {
            state = banks[attributes.SecondBank];
            attributes = new Smmu2BankAttributes(state.Attributes);
        }

        return hasWideVmids ? (ushort)(state.Attributes2 >> Smmu2Routing.WideVmidShift) : attributes.Vmid;
    }

    private Smmu2Path Stage2Path(int bank) => Stage2Path(bank, bank);

    /// <summary>A bank whose stage is off, and that of stage 2 below it, if there is one.</summary>
    private Smmu2Path PlainPath(int bank, int second)
    {
        var (bits, fault) = PlainOf(bank, hasSecond: false);
        second = banks[bank].Type == Smmu2BankType.Stage2 ? bank : second;
        return new Smmu2Path { Bank = bank, SecondBank = second, PlainBits = bits, PlainFault = fault };
    }

    /// <summary>
    /// What a bank checks whose stage is off (IHI 0062, tables 3-1 to 3-4): tables of AArch32 would take 32 bits, or 40 in stage 2; those of AArch64
    /// as many as there are.
    /// </summary>
    private (int Bits, Smmu2Fault Fault) PlainOf(int bank, bool hasSecond)
    {
        var state = banks[bank];
        bool isSecond = state.Type == Smmu2BankType.Stage2;
        int level = state.Has64BitTables ? 0 : 1;
        if (!state.Has64BitTables && !isSecond)
        {
            return (InputBits32, new Smmu2Fault(Smmu2Bank.Faults.Translation, Level: level));
        }

        int bits = isSecond
            ? Math.Min(unit.AddressBits, state.Has64BitTables ? unit.AddressBits : LongOutputBits)
            : Math.Min(unit.IntermediateBits, hasSecond ? unit.IntermediateBits : unit.AddressBits);
        return (bits, new Smmu2Fault(Smmu2Bank.Faults.AddressSize, isSecond, level));
    }

    private Smmu2Path Stage2Path(int bank, int second)
    {
        ulong tag = Smmu2Tags.OfSecond(VmidOf(second));

        // Stage 1 is off, and looks at the address all the same; or there is none, and the tables look.
        var (bits, fault) = bank != second ? PlainOf(bank, hasSecond: true)
            : banks[bank].Has64BitTables ? (64, default)
            : (LongOutputBits, new Smmu2Fault(Smmu2Bank.Faults.Translation, IsSecond: true, Level: 1));
        return new Smmu2Path
        {
            Bank = bank,
            SecondBank = second,
            PlainBits = bits,
            PlainFault = fault,
            HasSecond = true,
            Format = FormatOfSecond(banks[second]),
            Second = SecondOf(banks[second]),
            Tag = tag,
            SecondTag = tag,
        };
    }

    private Smmu2Path Stage1Path(int bank, int second)
    {
        var state = banks[bank];
        bool hasSecond = second >= 0 && banks[second].IsEnabled;
        var stage2 = hasSecond ? SecondOf(banks[second]) : default;
        ulong secondTag = hasSecond ? Smmu2Tags.OfSecond(VmidOf(second)) : 0;
        var format = FormatOfFirst(state);
        int outputBits = hasSecond ? unit.IntermediateBits : unit.AddressBits;
        bool isUpperAsid = format != Smmu2TableFormat.Short && (state.TableControl >> 22 & 1) != 0;
        ushort asid = format == Smmu2TableFormat.Short ? (byte)state.ContextId
            : AsidOf(isUpperAsid ? state.Table1 : state.Table0, format == Smmu2TableFormat.Aarch64 && (state.Control2 & Smmu2Bank.WideAsids) != 0);
        var (lower, upper, lowerEnd, upperStart) = format switch
        {
            Smmu2TableFormat.Aarch64 => (FirstOf(state, false, outputBits), FirstOf(state, true, outputBits), 0ul, 0ul),
            Smmu2TableFormat.Long => LongOf(state, Math.Min(outputBits, LongOutputBits)),
            _ => ShortOf(state, Math.Min(outputBits, LongOutputBits)),
        };
        return new Smmu2Path
        {
            Bank = bank,
            SecondBank = second,
            HasFirst = true,
            HasSecond = hasSecond,
            Format = format,
            Lower = lower,
            Upper = upper,
            LowerEnd = lowerEnd,
            UpperStart = upperStart,
            MostPageLog2 = format == Smmu2TableFormat.Aarch64 || upperStart == ulong.MaxValue ? 63 : BitOperations.TrailingZeroCount(upperStart),
            Second = stage2,
            Tag = Smmu2Tags.OfFirst(VmidOf(bank), asid),
            SecondTag = secondTag,
            SignBit = SignOf(state.Control2),
            UpstreamBits = unit.UpstreamBits,
            IgnoresTopByteLower = (state.Control2 >> 5 & 1) != 0,
            IgnoresTopByteUpper = (state.Control2 >> 6 & 1) != 0,
        };
    }

    private Smmu2TableFormat FormatOfFirst(Smmu2BankState state) =>
        state.Has64BitTables && unit.HasAarch64Tables ? Smmu2TableFormat.Aarch64
        : ((state.TableControl & Smmu2Bank.LongTables) != 0 || !unit.HasShortTables) && unit.HasLongTables ? Smmu2TableFormat.Long
        : unit.HasShortTables ? Smmu2TableFormat.Short
        : Smmu2TableFormat.Aarch64;

    private Smmu2TableFormat FormatOfSecond(Smmu2BankState state) =>
        (state.Has64BitTables && unit.HasAarch64Tables) || !unit.HasLongTables ? Smmu2TableFormat.Aarch64 : Smmu2TableFormat.Long;

    private static ushort AsidOf(ulong table, bool isWide) => isWide ? (ushort)(table >> Smmu2Bank.AsidShift) : (byte)(table >> Smmu2Bank.AsidShift);

    /// <summary>SEP: a bit, or the one that a bus of 49 bits has for it. What the bus does not carry is no sign.</summary>
    private int SignOf(uint control2)
    {
        int code = (int)(control2 >> Smmu2Bank.SignShift) & 7;
        int sign = code < Signs.Length ? Signs[code] : SignOfBus;
        return sign < unit.UpstreamBits && !(code >= Signs.Length && unit.UpstreamBits > SignOfBus + 1) ? sign : 63;
    }

    private static Smmu2StageFlags FlagsOf(Smmu2BankState state) =>
        Flag(state, Smmu2Bank.Control.BigEndian, Smmu2StageFlags.BigEndian)
        | Flag(state, Smmu2Bank.Control.IgnoresAccessFlag, Smmu2StageFlags.IgnoresAccessFlag);

    private static Smmu2StageFlags FlagsOfFirst(Smmu2BankState state) =>
        FlagsOf(state)
        | Flag(state, Smmu2Bank.Control.WriteExecuteNever, Smmu2StageFlags.WriteExecuteNever)
        | Flag(state, Smmu2Bank.Control.UnprivilegedWriteExecuteNever, Smmu2StageFlags.UnprivilegedWriteExecuteNever);

    private static Smmu2StageFlags Flag(Smmu2BankState state, uint bit, Smmu2StageFlags flag) => (state.SystemControl & bit) != 0 ? flag : 0;

    private static ulong TypesOf(Smmu2BankState state) => state.MemoryTypes0 | ((ulong)state.MemoryTypes1 << 32);

    /// <summary>Stage 1 of AArch64.</summary>
    private Smmu2Stage FirstOf(Smmu2BankState state, bool isUpper, int mostOutput)
    {
        uint control = state.TableControl;
        int size = (int)(control >> (isUpper ? 16 : 0)) & 0x3f;
        int granule = isUpper ? UpperGranules[(int)(control >> 30) & 3] : Granules[(int)(control >> 14) & 3];
        bool isDisabled = (control >> (isUpper ? 23 : 7) & 1) != 0;
        if (isDisabled || !unit.HasGranule(granule) || size is < LeastSize or > MostSize)
        {
            return Smmu2Stage.None(Smmu2TableFormat.Aarch64);
        }

        int inputBits = 64 - size;
        int outputBits = Math.Min(Widths[(int)state.Control2 & 7], mostOutput);
        int start = Smmu2Stage.LastLevel - ((inputBits - granule - 1) / (granule - 3));
        var stage = new Smmu2Stage(Smmu2TableFormat.Aarch64, 0, granule, inputBits, start, outputBits, TypesOf(state), FlagsOfFirst(state));
        return WithRoot(stage, isUpper ? state.Table1 : state.Table0);
    }

    /// <summary>Stage 2.</summary>
    private Smmu2Stage SecondOf(Smmu2BankState state)
    {
        uint control = state.TableControl;
        var format = FormatOfSecond(state);
        bool is64 = format == Smmu2TableFormat.Aarch64;
        int granule = is64 ? Granules[(int)(control >> 14) & 3] : 12;
        int inputBits = is64 ? 64 - (int)(control & 0x3f) : 32 - ((int)(control << 28) >> 28);
        int start = StartOf(granule, (int)(control >> 6) & 3);
        bool isPossible = is64
            ? unit.HasGranule(granule) && inputBits is >= 64 - MostSize and <= 64 - LeastSize
            : start is 1 or 2;
        if (!isPossible || start < 0)
        {
            return Smmu2Stage.None(format);
        }

        int outputBits = is64
            ? Math.Min(Widths[(int)(control >> 16) & 7], unit.AddressBits)
            : Math.Min(LongOutputBits, unit.AddressBits);
        var flags = FlagsOf(state) | Flag(state, Smmu2Bank.Control.ProtectedWalks, Smmu2StageFlags.ProtectedWalks);
        var stage = new Smmu2Stage(format, 0, granule, inputBits, start, outputBits, 0, flags);

        // Up to 16 tables lie next to each other in the place of one of the level above.
        int rootBits = inputBits - stage.ShiftOf(start);
        return rootBits >= 1 && rootBits <= granule - 3 + ConcatenationBits ? WithRoot(stage, state.Table0) : Smmu2Stage.None(format);
    }

    private static int StartOf(int granule, int encoded) => encoded == 3 ? -1 : granule == 12 ? 2 - encoded : Smmu2Stage.LastLevel - encoded;

    /// <summary>Stage 1 of AArch32 with long descriptors.</summary>
    private static (Smmu2Stage Lower, Smmu2Stage Upper, ulong LowerEnd, ulong UpperStart) LongOf(Smmu2BankState state, int outputBits)
    {
        uint control = state.TableControl;
        int lowerBits = 32 - (int)(control & 7);
        int upperBits = 32 - (int)(control >> 16 & 7);
        ulong upperStart = upperBits < 32 ? (1ul << 32) - (1ul << upperBits) : lowerBits < 32 ? 1ul << lowerBits : ulong.MaxValue;
        return (
            Of(state.Table0, lowerBits, (control >> 7 & 1) != 0),
            Of(state.Table1, upperBits, (control >> 23 & 1) != 0),
            (1ul << lowerBits) - 1,
            upperStart);

        Smmu2Stage Of(ulong table, int inputBits, bool isDisabled)
        {
            if (isDisabled)
            {
                return Smmu2Stage.None(Smmu2TableFormat.Long);
            }

            int start = inputBits > 30 ? 1 : 2;
            var stage = new Smmu2Stage(Smmu2TableFormat.Long, 0, 12, inputBits, start, outputBits, TypesOf(state), FlagsOfFirst(state));
            return WithRoot(stage, table);
        }
    }

    /// <summary>Stage 1 with short descriptors.</summary>
    private static (Smmu2Stage Lower, Smmu2Stage Upper, ulong LowerEnd, ulong UpperStart) ShortOf(Smmu2BankState state, int outputBits)
    {
        uint control = state.TableControl;
        int lowerBits = 32 - (int)(control & 7);
        var flags = FlagsOfFirst(state)
            | Flag(state, Smmu2Bank.Control.AccessFlag, Smmu2StageFlags.AccessFlag)
            | Flag(state, Smmu2Bank.Control.Remap, Smmu2StageFlags.Remap);
        return (
            Of(state.Table0, lowerBits, (control >> 4 & 1) != 0),
            Of(state.Table1, 32, (control >> 5 & 1) != 0),
            (1ul << lowerBits) - 1,
            lowerBits < 32 ? 1ul << lowerBits : ulong.MaxValue);

        Smmu2Stage Of(ulong table, int inputBits, bool isDisabled)
        {
            ulong root = (uint)table & (ulong.MaxValue << (DirectoryShift - (32 - inputBits)));
            return isDisabled
                ? Smmu2Stage.None(Smmu2TableFormat.Short)
                : new Smmu2Stage(Smmu2TableFormat.Short, root, 12, inputBits, 1, outputBits, TypesOf(state), flags);
        }
    }

    /// <summary>The first table is aligned to its size, and to 16 bytes at least.</summary>
    private static Smmu2Stage WithRoot(in Smmu2Stage stage, ulong table)
    {
        ulong address = table & ((1ul << 48) - 1);
        ulong bytes = Math.Max(8ul << (stage.InputBits - stage.ShiftOf(stage.StartLevel)), 16);
        bool isTooWide = stage.OutputBits < 48 && address >> stage.OutputBits != 0;
        return stage with { Root = address & ~(bytes - 1), Flags = stage.Flags | (isTooWide ? Smmu2StageFlags.RootTooWide : 0) };
    }
}
