using IommuKit.Specs.Smmu2;

namespace IommuKit.Drivers.Smmu2;

/// <summary>What the registers of a driver's context banks hold.</summary>
/// <param name="unit">The SMMU.</param>
/// <param name="isStage2">Whether banks are of stage 2.</param>
/// <param name="format">The format of tables.</param>
/// <param name="granuleLog2">Log2 of their granule.</param>
/// <param name="inputBits">Bits of an IOVA.</param>
internal sealed class Smmu2BankSetup(Smmu2Unit unit, bool isStage2, Smmu2TableFormat format, int granuleLog2, int inputBits)
{
    // Walks: write-back, inner shareable where they snoop; not cached, outer shareable where they do not.
    private const uint SnoopedWalks = (1u << 8) | (1u << 10) | (3u << 12);
    private const uint PlainWalks = 2u << 12;

    private const uint UpperDisabled = 1u << 23;
    private const uint ShortUpperDisabled = 1u << 5;
    private const uint Stage2Reserved = 1u << 31;
    private const int OutputSizeShift = 16;

    // Not cached, write-back, device: as the formats number them.
    private const uint MemoryTypes = 0x0004_ff44;

    // Short tables: TEX, C and B of 1 are a device, of 4 memory that is not cached, of 7 write-back.
    private const uint ShortTypes = (1u << 2) | (2u << 8) | (2u << 14) | (1u << 16) | (1u << 17) | (1u << 19) | (1u << 31);
    private const uint ShortCached = (1u << 14) | (1u << 30);

    private bool Is64 => format == Smmu2TableFormat.Aarch64;

    private uint Walks => unit.IsCoherent ? SnoopedWalks : PlainWalks;

    /// <summary>Gives a bank a table. SCTLR is last: from then on it translates.</summary>
    public void Apply(Smmu2Registers registers, int bank, ulong root, int startLevel)
    {
        registers.WriteBank(bank, Smmu2Bank.SystemControl, 0);
        if (unit.Version == Smmu2Version.V2)
        {
            registers.WriteRouting(Smmu2Routing.Attributes2, bank, Is64 ? Smmu2Routing.Tables64 : 0);
        }

        var attributes = isStage2 ? Smmu2BankAttributes.Stage2(Smmu2AddressSpace.VmidOf(bank)) : Smmu2BankAttributes.Stage1;
        registers.WriteRouting(Smmu2Routing.Attributes, bank, attributes.Value);
        if (isStage2)
        {
            registers.WriteBank(bank, Smmu2Bank.TableControl, Stage2Control(startLevel));
            registers.WriteBank64(bank, Smmu2Bank.Table0, root);
        }
        else
        {
            ApplyStage1(registers, bank, root);
        }

        // A device that faults must not end what the others of its domain do.
        uint control = Smmu2Bank.Control.Enable
            | Smmu2Bank.Control.HitUnderFault
            | Smmu2Bank.Control.Remap
            | Smmu2Bank.Control.AccessFlag
            | Smmu2Bank.Control.FaultAborts
            | Smmu2Bank.Control.FaultInterrupt
            | (isStage2 ? 0 : Smmu2Bank.Control.PrivateAsids);
        registers.WriteBank(bank, Smmu2Bank.SystemControl, control);
    }

    private void ApplyStage1(Smmu2Registers registers, int bank, ulong root)
    {
        if (unit.Version == Smmu2Version.V2)
        {
            uint output = Is64 ? OutputSize | Smmu2Bank.WideAsids : 0;
            registers.WriteBank(bank, Smmu2Bank.Control2, output | (Smmu2Bank.SignUpstream << Smmu2Bank.SignShift));
        }

        registers.WriteBank(bank, Smmu2Bank.TableControl, Stage1Control);
        if (format == Smmu2TableFormat.ShortDescriptors)
        {
            registers.WriteBank(bank, Smmu2Bank.Table0, (uint)root);
            registers.WriteBank(bank, Smmu2Bank.Table1, 0);
            registers.WriteBank(bank, Smmu2Bank.ContextId, Smmu2AddressSpace.AsidOf(bank));
            registers.WriteBank(bank, Smmu2Bank.MemoryTypes0, ShortTypes);
            registers.WriteBank(bank, Smmu2Bank.MemoryTypes1, ShortCached);
            return;
        }

        registers.WriteBank64(bank, Smmu2Bank.Table0, root | ((ulong)Smmu2AddressSpace.AsidOf(bank) << Smmu2Bank.AsidShift));
        registers.WriteBank64(bank, Smmu2Bank.Table1, 0);
        registers.WriteBank(bank, Smmu2Bank.MemoryTypes0, MemoryTypes);
        registers.WriteBank(bank, Smmu2Bank.MemoryTypes1, 0);
    }

    // Everything is of TTBR0.
    private uint Stage1Control => format switch
    {
        Smmu2TableFormat.ShortDescriptors => ShortUpperDisabled,
        Smmu2TableFormat.LongDescriptors => Smmu2Bank.LongTables | Walks | UpperDisabled | (uint)(32 - inputBits),
        _ => Walks | UpperDisabled | (uint)(64 - inputBits) | GranuleCode,
    };

    private uint Stage2Control(int startLevel)
    {
        uint start = (uint)((granuleLog2 == 12 ? 2 : 3) - startLevel) << 6;
        if (Is64)
        {
            return Stage2Reserved | Walks | start | (uint)(64 - inputBits) | GranuleCode | (OutputSize << OutputSizeShift);
        }

        // A size of 4 bits and a sign.
        uint size = (uint)(32 - inputBits) & 0xf;
        return Stage2Reserved | Walks | start | size | (size >> 3 << 4);
    }

    private uint GranuleCode => granuleLog2 switch { 16 => 1u << 14, 14 => 2u << 14, _ => 0 };

    private uint OutputSize => unit.AddressBits switch { 32 => 0, 36 => 1, 40 => 2, 42 => 3, 44 => 4, _ => 5 };
}
