using IommuKit.Lab.Formats;
using IommuKit.Lab.Inspect;
using IommuKit.Specs.Arm;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Lab.Iommus.Smmu2;

/// <summary>Reads what context banks do, and their tables.</summary>
/// <param name="input">Registers and memory.</param>
/// <param name="unit">The SMMU.</param>
/// <param name="control">sCR0.</param>
/// <param name="builder">Collects what is seen.</param>
internal sealed class Smmu2BankInspect(InspectInput input, Smmu2Unit unit, uint control, InspectBuilder builder)
{
    private const int LongInputBits = 32;
    private const int LongOutputBits = 40;
    private const ulong TableMask = (1ul << 48) - 1;
    private const int ShortRootLog2 = 14;

    private static readonly int[] Widths = [32, 36, 40, 42, 44, 48, 48, 48];
    private static readonly int[] LowerGranules = [12, 16, 14, 0];
    private static readonly int[] UpperGranules = [0, 14, 12, 16];

    private static readonly FormatKind Short = FormatKind.Of<ArmShortFormat>(LongInputBits, LongInputBits, string.Empty);

    // Banks that several streams share are judged once.
    private readonly HashSet<int> _judged = [];

    /// <summary>Adds what a bank does with a stream.</summary>
    public void Read(string name, int bank)
    {
        if (_judged.Add(bank))
        {
            Judge(bank);
        }

        var attributes = AttributesOf(bank);
        switch (attributes.Type)
        {
            case Smmu2BankType.Stage1Fault:
                builder.Blocked++;
                break;
            case Smmu2BankType.Stage2:
                ReadSecond(name, bank, bank);
                break;
            case Smmu2BankType.Stage1:
                ReadFirst(name, bank, second: null);
                break;
            default:
                ReadNested(name, bank, attributes.SecondBank);
                break;
        }
    }

    private void ReadNested(string name, int bank, int second)
    {
        if (second >= unit.BankCount || AttributesOf(second).Type != Smmu2BankType.Stage2)
        {
            builder.Require(false, InspectRule.Tables, $"bank {bank} is on top of bank {second}, which is not one of stage 2");
            builder.Add(new InspectSource(name, null, InspectState.Illegal, "stage 1 on stage 2", null, null));
        }
        else if (!IsOn(bank))
        {
            ReadSecond(name, bank, second);
        }
        else if (!IsOn(second))
        {
            ReadFirst(name, bank, second: null);
        }
        else if (SecondStage(second) is { } table)
        {
            ReadFirst(name, bank, table);
        }
        else
        {
            builder.Add(new InspectSource(name, null, InspectState.Illegal, "stage 1 on stage 2", VmidOf(second), null));
        }
    }

    private void Judge(int bank)
    {
        builder.Require(
            !IsOn(bank) || (ValueOf(bank, Smmu2Bank.SystemControl) & Smmu2Bank.Control.FaultInterrupt) != 0,
            InspectRule.Events,
            $"CFIE of bank {bank} is 0: nobody is told of its faults");
        ulong fault = ValueOf(bank, Smmu2Bank.FaultStatus) & (Smmu2Bank.Faults.All | Smmu2Bank.Faults.Stalled | Smmu2Bank.Faults.Multiple);
        builder.Require(fault == 0, InspectRule.Errors, $"FSR of bank {bank} has a fault that nobody cleared, 0x{fault:x}");
    }

    private void ReadSecond(string name, int bank, int second)
    {
        if (!IsOn(second))
        {
            builder.Add(new InspectSource(name, null, InspectState.Bypass, $"bank {bank} is off", null, null));
            return;
        }

        var table = SecondStage(second);
        builder.Add(new InspectSource(
            name, null, table is null ? InspectState.Illegal : InspectState.Translated, "stage 2", VmidOf(second), table));
    }

    private void ReadFirst(string name, int bank, InspectTable? second)
    {
        if (!IsOn(bank))
        {
            builder.Add(new InspectSource(name, null, InspectState.Bypass, $"bank {bank} is off", null, null));
            return;
        }

        string how = second is null ? "stage 1" : "stage 1 on stage 2";
        foreach (bool isUpper in (bool[])[false, true])
        {
            if (!IsDisabled(bank, isUpper))
            {
                var table = FirstStage(bank, isUpper, second);
                builder.Add(new InspectSource(
                    name,
                    null,
                    table is null ? InspectState.Illegal : InspectState.Translated,
                    isUpper ? $"{how}, upper addresses" : how,
                    AsidOf(bank),
                    table));
            }
        }
    }

    private bool Is64(int bank) => unit.HasAarch64Tables
        && (input.ValueOf(RoutingOf(Smmu2Routing.Attributes2, bank)) & Smmu2Routing.Tables64) != 0;

    private bool IsShort(int bank) => !Is64(bank)
        && unit.HasShortTables
        && (!unit.HasLongTables || (ValueOf(bank, Smmu2Bank.TableControl) & Smmu2Bank.LongTables) == 0);

    private bool IsDisabled(int bank, bool isUpper)
    {
        int bit = IsShort(bank) ? (isUpper ? 5 : 4) : isUpper ? 23 : 7;
        return ((ValueOf(bank, Smmu2Bank.TableControl) >> bit) & 1) != 0;
    }

    private InspectTable? FirstStage(int bank, bool isUpper, InspectTable? second)
    {
        uint table = (uint)ValueOf(bank, Smmu2Bank.TableControl);
        ulong root = Value64Of(bank, isUpper ? Smmu2Bank.Table1 : Smmu2Bank.Table0);
        int most = second?.InputBits ?? unit.AddressBits;
        if (IsShort(bank))
        {
            // TTBCR.N bits of the lower half's root are not there.
            int less = isUpper ? 0 : (int)table & 7;
            ulong address = (uint)root & (ulong.MaxValue << (ShortRootLog2 - less));
            return new InspectTable(Short, address, LongInputBits - less, LongInputBits, second);
        }

        if (!Is64(bank))
        {
            int size = (int)(table >> (isUpper ? 16 : 0)) & 7;
            return ArmInspectTables.Of(12, 1, root & TableMask & ~0xful, LongInputBits - size, Math.Min(LongOutputBits, most), second);
        }

        int granule = isUpper ? UpperGranules[(int)(table >> 30) & 3] : LowerGranules[(int)(table >> 14) & 3];
        int outputBits = Math.Min(Widths[(int)ValueOf(bank, Smmu2Bank.Control2) & 7], most);
        return !unit.HasGranule(granule)
            ? null
            : ArmInspectTables.Of(granule, 1, root & TableMask & ~0xful, 64 - ((int)(table >> (isUpper ? 16 : 0)) & 0x3f), outputBits, second);
    }

    private InspectTable? SecondStage(int bank)
    {
        uint table = (uint)ValueOf(bank, Smmu2Bank.TableControl);
        ulong root = Value64Of(bank, Smmu2Bank.Table0) & TableMask & ~0xful;
        if (!Is64(bank) && unit.HasLongTables)
        {
            // A size of 4 bits and a sign.
            return ArmInspectTables.Of(
                12, 2, root, LongInputBits - ((int)(table << 28) >> 28), Math.Min(LongOutputBits, unit.AddressBits));
        }

        int granule = LowerGranules[(int)(table >> 14) & 3];
        return !unit.HasGranule(granule)
            ? null
            : ArmInspectTables.Of(
                granule, 2, root, 64 - (int)(table & 0x3f), Math.Min(Widths[(int)(table >> 16) & 7], unit.AddressBits));
    }

    private int AsidOf(int bank)
    {
        if (IsShort(bank))
        {
            return (byte)ValueOf(bank, Smmu2Bank.ContextId);
        }

        // A1.
        bool isUpper = ((ValueOf(bank, Smmu2Bank.TableControl) >> 22) & 1) != 0;
        ulong tag = Value64Of(bank, isUpper ? Smmu2Bank.Table1 : Smmu2Bank.Table0) >> Smmu2Bank.AsidShift;
        return Is64(bank) && (ValueOf(bank, Smmu2Bank.Control2) & Smmu2Bank.WideAsids) != 0 ? (ushort)tag : (byte)tag;
    }

    private int VmidOf(int bank) => (control & Smmu2Global.Control.WideVmids) != 0
        ? (ushort)(input.ValueOf(RoutingOf(Smmu2Routing.Attributes2, bank)) >> Smmu2Routing.WideVmidShift)
        : AttributesOf(bank).Vmid;

    private bool IsOn(int bank) => (ValueOf(bank, Smmu2Bank.SystemControl) & Smmu2Bank.Control.Enable) != 0;

    private Smmu2BankAttributes AttributesOf(int bank) => new((uint)input.ValueOf(RoutingOf(Smmu2Routing.Attributes, bank)));

    private uint RoutingOf(uint register, int bank) => (1u << unit.PageShift) + register + ((uint)bank * sizeof(uint));

    private ulong ValueOf(int bank, uint register) => input.ValueOf(unit.OffsetOf(bank) + register);

    private ulong Value64Of(int bank, uint register) => input.ValueOf64(unit.OffsetOf(bank) + register);
}
