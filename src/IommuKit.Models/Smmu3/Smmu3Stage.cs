using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <summary>
/// The tables of one stage, as a stream table entry or a context descriptor describes them. Levels are counted as Arm does: −1 or 0 is the highest,
/// 3 that of pages.
/// </summary>
/// <param name="Root">The first table.</param>
/// <param name="Granule">Log2 of the bytes of a page: 12, 14 or 16.</param>
/// <param name="InputBits">Bits of an address that the tables translate.</param>
/// <param name="StartLevel">The level of the first table.</param>
/// <param name="OutputBits">Bits of an output address.</param>
/// <param name="Flags">The rest.</param>
internal readonly record struct Smmu3Stage(ulong Root, int Granule, int InputBits, int StartLevel, int OutputBits, Smmu3StageFlags Flags)
{
    public const int LastLevel = 3;

    private const int EntryLog2 = 3;
    private const int ConcatenationBits = 4;
    private const int NarrowBits = 48;
    private const int WideBits = 52;

    /// <summary>Log2 of the bytes that an entry of a level maps.</summary>
    public int ShiftOf(int level) => Granule + ((LastLevel - level) * (Granule - EntryLog2));

    /// <summary>Where the entry of a table is that translates an address.</summary>
    public ulong EntryOffset(ulong address, int level)
    {
        int bits = level == StartLevel ? InputBits - ShiftOf(level) : Granule - EntryLog2;
        return ((address >> ShiftOf(level)) & ((1ul << bits) - 1)) << EntryLog2;
    }

    public bool Has(Smmu3StageFlags flag) => (Flags & flag) != 0;

    /// <summary>Whether an entry without bit 1 is a block at a level above the last.</summary>
    public bool HasBlocks(int level) => Granule switch
    {
        12 => level is 1 or 2 || (level == 0 && Has(Smmu3StageFlags.Lpa2)),
        14 => level == 2 || (level == 1 && Has(Smmu3StageFlags.Lpa2)),
        _ => level == 2 || (level == 1 && Has(Smmu3StageFlags.WideDescriptors)),
    };

    /// <summary>The address in a descriptor.</summary>
    /// <param name="value">The descriptor.</param>
    /// <param name="shift">Log2 of its alignment.</param>
    public ulong AddressOf(ulong value, int shift)
    {
        ulong aligned = ulong.MaxValue << shift;
        const ulong low48 = (1ul << 48) - 1;
        return Has(Smmu3StageFlags.Lpa2) ? (value & ((1ul << 50) - 1) & aligned) | ((value & 0x300) << 42)
            : Has(Smmu3StageFlags.WideDescriptors) ? (value & low48 & aligned) | ((value & 0xf000) << 36)
            : value & low48 & aligned;
    }

    /// <summary>Stage 1 of one of the two ranges of a context descriptor.</summary>
    /// <returns>False if the descriptor is illegal in it.</returns>
    public static bool TryCreate(
        Smmu3Unit unit, in Smmu3ContextDescriptor context, bool isUpper, bool isOneRange, out Smmu3Stage stage)
    {
        stage = default;
        int granule = context.GranuleShift(isUpper);
        bool isLpa2 = unit.HasWideSmallGranules && context.IsWide;
        int size = context.InputSize(isUpper);
        if (!unit.HasGranule(granule) || !IsInputSizePossible(unit, size, granule, isLpa2))
        {
            return false;
        }

        bool isWide = IsWide(unit, granule, isLpa2);
        int outputBits = Math.Min(unit.OutputBits(context.OutputSize), isWide ? WideBits : NarrowBits);
        int inputBits = 64 - size;
        ulong table = context.Table(isUpper);
        if (table >> outputBits != 0)
        {
            return false;
        }

        int start = LastLevel - ((inputBits - granule - 1) / (granule - EntryLog2));
        stage = new Smmu3Stage(
            0,
            granule,
            inputBits,
            start,
            outputBits,
            FlagsOf(isLpa2 && granule != 16, isWide && granule == 16)
                | (context.IsBigEndian ? Smmu3StageFlags.BigEndian : 0)
                | (context.IgnoresAccessFlag ? Smmu3StageFlags.IgnoresAccessFlag : 0)
                | (context.SetsAccessFlag && unit.SetsAccessFlag ? Smmu3StageFlags.SetsAccessFlag : 0)
                | (context is { SetsAccessFlag: true, SetsDirtyState: true } && unit.SetsDirtyState ? Smmu3StageFlags.SetsDirtyState : 0)
                | (context.WriteExecuteNever ? Smmu3StageFlags.WriteExecuteNever : 0)
                | (context.PrivilegedAccessNever ? Smmu3StageFlags.PrivilegedAccessNever : 0)
                | (context.ExtendedPrivilegedAccessNever && unit.HasExecuteOnlyPan ? Smmu3StageFlags.ExtendedPan : 0)
                | (context.DisablesTableLimits(isUpper) && unit.HasTableLimitDisable ? Smmu3StageFlags.IgnoresTableLimits : 0)
                | (isOneRange ? Smmu3StageFlags.OneRange : 0));
        stage = stage with { Root = table & ~stage.RootMask };
        return true;
    }

    /// <summary>Stage 2.</summary>
    /// <returns>False if the entry is illegal in it.</returns>
    public static bool TryCreate(Smmu3Unit unit, in Smmu3StreamEntry stream, out Smmu3Stage stage)
    {
        stage = default;
        ReadOnlySpan<byte> granules = [12, 16, 14, 0];
        int granule = granules[stream.Granule];
        bool isLpa2 = unit.HasWideSmallGranules && stream.IsWide;
        int size = stream.InputSize;
        int inputBits = 64 - size;
        if (!unit.HasGranule(granule) || !IsInputSizePossible(unit, size, granule, isLpa2) || inputBits > unit.AddressBits)
        {
            return false;
        }

        bool isWide = IsWide(unit, granule, isLpa2);
        int start = StartLevelOf(granule, stream.StartLevel & (isLpa2 ? 7 : 3), isLpa2, unit.HasSmallTables);
        int outputBits = Math.Min(unit.OutputBits(stream.OutputSize), isWide ? WideBits : NarrowBits);
        stage = new Smmu3Stage(
            0,
            granule,
            inputBits,
            start,
            outputBits,
            Smmu3StageFlags.Second
                | FlagsOf(isLpa2 && granule != 16, isWide && granule == 16)
                | (stream.IsBigEndian ? Smmu3StageFlags.BigEndian : 0)
                | (stream.IgnoresAccessFlag ? Smmu3StageFlags.IgnoresAccessFlag : 0)
                | (stream.SetsAccessFlag && unit.SetsAccessFlag ? Smmu3StageFlags.SetsAccessFlag : 0)
                | (stream is { SetsAccessFlag: true, SetsDirtyState: true } && unit.SetsDirtyState ? Smmu3StageFlags.SetsDirtyState : 0)
                | (stream.ForcesWriteBack && unit.HasForcedWriteBack ? Smmu3StageFlags.ForcesWriteBack : 0)
                | (unit.HasStage2ExecuteByLevel ? Smmu3StageFlags.ExecutesByLevel : 0));

        // Up to 16 tables lie next to each other in the place of one of the level above.
        int rootBits = start > LastLevel ? 0 : inputBits - stage.ShiftOf(start);
        if (rootBits < 1 || rootBits > granule - EntryLog2 + ConcatenationBits || stream.Table >> outputBits != 0)
        {
            return false;
        }

        stage = stage with { Root = stream.Table & ~stage.RootMask };
        return true;
    }

    /// <summary>The low bits of an address of the first table that are not looked at: it is aligned to its size.</summary>
    private ulong RootMask => Math.Max(8ul << (InputBits - ShiftOf(StartLevel)), OutputBits == WideBits ? 64ul : 16) - 1;

    private static bool IsWide(Smmu3Unit unit, int granule, bool isLpa2) => unit.AddressBits == WideBits && (granule == 16 || isLpa2);

    private static Smmu3StageFlags FlagsOf(bool isLpa2, bool hasWideDescriptors) =>
        (isLpa2 ? Smmu3StageFlags.Lpa2 : 0) | (hasWideDescriptors ? Smmu3StageFlags.WideDescriptors : 0);

    private static bool IsInputSizePossible(Smmu3Unit unit, int size, int granule, bool isLpa2)
    {
        int least = unit.HasWideVirtualAddresses && (granule == 16 || isLpa2) ? 12 : 16;
        int most = !unit.HasSmallTables ? 39 : granule == 16 ? 47 : 48;
        return size >= least && size <= most;
    }

    private static int StartLevelOf(int granule, int encoded, bool isLpa2, bool hasSmallTables)
    {
        const int none = LastLevel + 1;
        return (granule, encoded) switch
        {
            (12, 0) => 2,
            (12, 1) => 1,
            (12, 2) => 0,
            (12, 3) => hasSmallTables ? LastLevel : none,
            (12, 4) => isLpa2 ? -1 : none,
            (14, 3) => isLpa2 ? 0 : none,
            (14 or 16, >= 0 and < 3) => LastLevel - encoded,
            _ => none,
        };
    }
}
