using IommuKit.Specs.Mmio;

namespace IommuKit.Specs.Smmu2;

/// <summary>What an SMMUv1 or SMMUv2 is, as its identification registers say: all that a driver and a model of it agree on.</summary>
/// <param name="Name">The name by which users select it.</param>
/// <param name="Version">The version of the architecture, which no register says.</param>
/// <param name="Idr0">IDR0.</param>
/// <param name="Idr1">IDR1.</param>
/// <param name="Idr2">IDR2.</param>
/// <param name="Idr7">IDR7: bits 7:4 the major and 3:0 the minor revision of the part.</param>
public sealed record Smmu2Unit(string Name, Smmu2Version Version, uint Idr0, uint Idr1, uint Idr2, uint Idr7 = 0)
{
    // Where the S2CRs would reach the identification of the part.
    private const int MostStreams = 244;
    private const int StreamIdWidth = 15;
    private const int WideStreamIdWidth = 16;

    // Codes of UBS: 49 bits, and 64.
    private const uint WidestUpstream = 5;
    private const uint AnyUpstream = 15;

    private static ReadOnlySpan<byte> Widths => [32, 36, 40, 42, 44, 48];

    /// <summary>
    /// Everything that is modelled: both stages and nested, all three formats of tables with every granule, 16 banks of which the first 4 are of
    /// stage 2 alone, 32 stream match registers with StreamIDs of 16 bits, VMIDs of 16 bits, address translation by registers, coherent walks.
    /// </summary>
    public static Smmu2Unit Full { get; } = new(
        "full", Smmu2Version.V2, 0x7800_0000 | (1 << 14) | (1 << 8) | (15 << 9) | 32, 0x3004_0010, 0xff55, 0x21);

    /// <summary>
    /// The MMU-500 of Stratix 10: both stages and nested, 64 stream match registers, 32 banks, granules of 4 and 64 KiB, walks that do not snoop, no
    /// address translation by registers for software that is not secure.
    /// </summary>
    public static Smmu2Unit Mmu500 { get; } = new("mmu-500", Smmu2Version.V2, 0xfc01_3e40, 0x4000_1f20, 0x5555, 0x21)
    {
        PeripheralId = 0x001b_b481,
        HasCacheLock = true,
        ConflictsFault = true,
        HidesConfigurationFaults = true,
        HasStallOverrides = false,
    };

    /// <summary>Like an MMU-400: version 1, tables of AArch32, both stages, 8 banks, coherent walks.</summary>
    public static Smmu2Unit Mmu400 { get; } = new(
        "mmu-400", Smmu2Version.V1, 0x7c00_0000 | (1 << 14) | (15 << 9) | 32, 0x2000_0008, 0x22);

    /// <summary>Like an MMU-401: version 1, stage 2 alone, 4 banks, walks that do not snoop.</summary>
    public static Smmu2Unit Mmu401 { get; } = new(
        "mmu-401", Smmu2Version.V1, 0x2c00_0000 | (15 << 9) | 32, 0x1004_0004, 0x22);

    /// <summary>All presets.</summary>
    public static IReadOnlyList<Smmu2Unit> Presets { get; } = [Full, Mmu500, Mmu400, Mmu401];

    /// <summary>PIDR0 to PIDR3, the first in the low byte; 0 if not known.</summary>
    public uint PeripheralId { get; init; }

    /// <summary>Whether sACR.CACHE_LOCK keeps ACTLR of the banks from being written, as on an MMU-500 from r2p0 on.</summary>
    public bool HasCacheLock { get; init; }

    /// <summary>
    /// sCR0.SMCFCFG is 1 and read-only: a StreamID that several stream match registers match faults. If not, software chooses whether it does, or
    /// passes.
    /// </summary>
    public bool ConflictsFault { get; init; }

    /// <summary>sCR0.GCFGFRE and GCFGFIE are 0 and read-only: registers that are not there are no faults.</summary>
    public bool HidesConfigurationFaults { get; init; }

    /// <summary>sCR0.STALLD and GSE: stalls can be forbidden to all banks, and can stop everything. An MMU-500 has neither.</summary>
    public bool HasStallOverrides { get; init; } = true;

    /// <summary>IDR0.NUMSMRG: how many streams can be told apart, by stream match registers or by their StreamIDs.</summary>
    public int StreamCount => (int)(Idr0 & 0xff);

    /// <summary>IDR0.EXIDS: stream match registers can have StreamIDs of 16 bits.</summary>
    public bool HasWideStreamIds => Bit(Idr0, 8);

    /// <summary>IDR0.NUMSIDB: bits of a StreamID.</summary>
    public int StreamIdBits => HasWideStreamIds ? WideStreamIdWidth : (int)(Idr0 >> 9) & 0xf;

    /// <summary>IDR0.CTTW: walks snoop the CPU's caches.</summary>
    public bool IsCoherent => Bit(Idr0, 14);

    /// <summary>IDR0.PTFS: tables of VMSAv7 with 64-bit descriptors (or VMSAv8-32).</summary>
    public bool HasLongTables => (Idr0 >> 24 & 3) < 2;

    /// <summary>IDR0.PTFS: tables with 32-bit descriptors.</summary>
    public bool HasShortTables => (Idr0 >> 24 & 3) == 0;

    /// <summary>IDR0.ATOSNS = 0: address translation by registers.</summary>
    public bool HasAddressTranslation => !Bit(Idr0, 26);

    /// <summary>IDR0.SMS: stream match registers. Without, a StreamID is the number of its S2CR.</summary>
    public bool HasStreamMatching => Bit(Idr0, 27);

    /// <summary>IDR0.NTS: stage 1 on top of stage 2.</summary>
    public bool HasNested => Bit(Idr0, 28);

    /// <summary>IDR0.S2TS: stage 2.</summary>
    public bool HasStage2 => Bit(Idr0, 29);

    /// <summary>IDR0.S1TS: stage 1.</summary>
    public bool HasStage1 => Bit(Idr0, 30);

    /// <summary>IDR1.NUMCB: context banks.</summary>
    public int BankCount => (int)(Idr1 & 0xff);

    /// <summary>IDR1.NUMS2CB: how many banks, the first ones, are of stage 2 alone.</summary>
    public int Stage2BankCount => HasStage1 ? (int)(Idr1 >> 16) & 0xff : BankCount;

    /// <summary>IDR1.PAGESIZE: log2 of the bytes of a page of registers, 12 or 16.</summary>
    public int PageShift => Bit(Idr1, 31) ? 16 : 12;

    /// <summary>IDR1.NUMPAGENDXB: pages of the global space. The context banks follow, a page each.</summary>
    public int GlobalPages => 2 << ((int)(Idr1 >> 28) & 7);

    /// <summary>Bytes of all registers.</summary>
    public uint RegisterBytes => 2u * (uint)GlobalPages << PageShift;

    /// <summary>IDR2.IAS: bits of an address between the stages.</summary>
    public int IntermediateBits => WidthOf(Idr2 & 0xf);

    /// <summary>IDR2.OAS: bits of a physical address.</summary>
    public int AddressBits => WidthOf(Idr2 >> 4 & 0xf);

    /// <summary>IDR2.UBS: bits of an address that a device can send. On version 1 as many as between the stages.</summary>
    public int UpstreamBits => Version == Smmu2Version.V1 ? IntermediateBits : (Idr2 >> 8 & 0xf) switch
    {
        WidestUpstream => 49,
        > WidestUpstream => 64,
        var code => WidthOf(code),
    };

    /// <summary>Whether there are tables of AArch64.</summary>
    public bool HasAarch64Tables => HasGranule(12) || HasGranule(14) || HasGranule(16);

    /// <summary>IDR2.VMID16S: VMIDs of 16 bits.</summary>
    public bool HasWideVmids => Version == Smmu2Version.V2 && Bit(Idr2, 15);

    /// <summary>IDR2: whether tables of AArch64 can have a granule.</summary>
    /// <param name="log2">Log2 of its bytes: 12, 14 or 16.</param>
    public bool HasGranule(int log2) =>
        Version == Smmu2Version.V2 && log2 switch { 12 => Bit(Idr2, 12), 14 => Bit(Idr2, 13), 16 => Bit(Idr2, 14), _ => false };

    /// <summary>Whether a bank has stage 2 alone.</summary>
    public bool IsStage2Bank(int bank) => bank < Stage2BankCount;

    /// <summary>Where the registers of a bank begin.</summary>
    public uint OffsetOf(int bank) => (uint)(GlobalPages + bank) << PageShift;

    /// <summary>The bank that a register is of, or −1 if it is of the global space.</summary>
    /// <param name="offset">The offset of the register.</param>
    /// <param name="inBank">Where it is in the bank.</param>
    public int BankAt(uint offset, out uint inBank)
    {
        inBank = offset & ((1u << PageShift) - 1);
        int page = (int)(offset >> PageShift);
        return page >= GlobalPages ? page - GlobalPages : -1;
    }

    /// <summary>What an access of a register is for.</summary>
    public RegisterPurpose PurposeOf(uint offset, bool isRead)
    {
        int page = (int)(offset >> PageShift);
        uint inPage = offset & ((1u << PageShift) - 1);
        return page >= GlobalPages ? Smmu2Bank.PurposeOf(inPage)
            : page == 1 ? Smmu2Routing.PurposeOf(inPage)
            : page == 0 ? Smmu2Global.PurposeOf(inPage)
            : RegisterPurpose.Configuration;
    }

    /// <summary>Why there is no such hardware; null if there can be.</summary>
    public string? WhyImpossible() =>
        !HasStage1 && !HasStage2 ? "It has no stage."
        : HasNested && !(HasStage1 && HasStage2) ? "It nests stages that it does not have."
        : BankCount == 0 || BankCount > GlobalPages || Stage2BankCount > BankCount
            ? $"It has {BankCount} banks, of which {Stage2BankCount} are of stage 2."
        : StreamCount is 0 or > MostStreams ? $"It has {StreamCount} streams."
        : StreamIdBits == 0 || (!HasStreamMatching && StreamCount > 1 << StreamIdBits) ? $"It has StreamIDs of {StreamIdBits} bits."
        : !HasAarch64Tables && !HasLongTables ? "It has no tables."
        : (Idr2 & 0xf) >= Widths.Length || (Idr2 >> 4 & 0xf) >= Widths.Length || (Idr2 >> 8 & 0xf) is > WidestUpstream and < AnyUpstream
            ? $"IDR2 has a width that is reserved (IAS {Idr2 & 0xf}, OAS {Idr2 >> 4 & 0xf}, UBS {Idr2 >> 8 & 0xf})."
        : !HasStage2 && IntermediateBits != AddressBits
            ? $"Without stage 2 what leaves stage 1 is a physical address, but it has {IntermediateBits} bits, and this {AddressBits}."
        : !HasStage1 && Version == Smmu2Version.V2 && (Idr2 >> 8 & 0xf) != (Idr2 & 0xf)
            ? $"Without stage 1 a device's address is what stage 2 takes, but UBS is {Idr2 >> 8 & 0xf}, and IAS {Idr2 & 0xf}."
        : null;

    /// <summary>The width of what a stream match register holds.</summary>
    /// <param name="isWide">sCR0.EXIDENABLE.</param>
    public uint StreamMask(bool isWide) => (1u << Math.Min(StreamIdBits, isWide ? WideStreamIdWidth : StreamIdWidth)) - 1;

    private static int WidthOf(uint code) => code < Widths.Length ? Widths[(int)code] : Widths[^1];

    private static bool Bit(uint register, int bit) => (register >> bit & 1) != 0;
}
