namespace IommuKit.Specs.Smmu3;

/// <summary>What an SMMUv3 is, as its identification registers say: all that a driver and a model of it agree on.</summary>
/// <param name="Name">The name by which users select it.</param>
/// <param name="Idr0">IDR0.</param>
/// <param name="Idr1">IDR1.</param>
/// <param name="Idr3">IDR3.</param>
/// <param name="Idr5">IDR5.</param>
/// <param name="Iidr">IIDR.</param>
/// <param name="Aidr">AIDR.</param>
/// <param name="BypassReset">GBPA after reset, which is implementation defined.</param>
public sealed record Smmu3Unit(
    string Name, uint Idr0, uint Idr1, uint Idr3, uint Idr5, uint Iidr = 0, uint Aidr = 0, uint BypassReset = 0x1000)
{
    private const uint Stage2Bit = 1 << 0;
    private const uint Stage1Bit = 1 << 1;
    private const uint TableFormats = 3 << 2;
    private const uint Aarch64Tables = 2 << 2;
    private const uint HttuMask = 3 << 6;
    private const uint AtsBit = 1 << 10;
    private const uint NoSplitStage = 1 << 11;
    private const uint EndianMask = 3 << 21;
    private const uint StallMask = 3 << 24;
    private const uint TerminateBit = 1 << 26;
    private const uint LevelMask = 3 << 27;
    private const uint BlockLevelMask = 3 << 11;

    private static ReadOnlySpan<byte> Widths => [32, 36, 40, 42, 44, 48, 52, 52];

    /// <summary>
    /// Everything that the architecture offers and that is modelled: both stages, all granules, 52-bit addresses with every granule, hardware access
    /// flag and dirty state, substreams of 20 bits, streams of 32, ATS, PRI, ATOS, stalls, range invalidation, little and big endian tables.
    /// </summary>
    public static Smmu3Unit Full { get; } = new(
        "full",
        Stage2Bit | Stage1Bit | Aarch64Tables | (1 << 4) | (2 << 6) | (1 << 9) | AtsBit | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 15) | (1 << 16)
            | (1 << 17) | (1 << 18) | (1 << 19) | (1 << 23) | (1 << 27),
        32 | (20 << 6) | (19 << 11) | (19 << 16) | (19 << 21),
        (1 << 2) | (1 << 4) | (1 << 5) | (1 << 8) | (1 << 9) | (1 << 10) | (2 << 11) | (1 << 13) | (1 << 14) | (1 << 17),
        6 | (7 << 4) | (1 << 7) | (1 << 10) | (256 << 16),
        0x43b,
        3);

    /// <summary>
    /// An MMU-600 as in Agilex 5. Its AArch32 tables and broadcast invalidations are left out, so that two bits of IDR0 differ from the part's.
    /// </summary>
    public static Smmu3Unit Mmu600 { get; } = new("mmu-600", 0x080f_7e1b, 0x0e73_9d18, 0x3c, 0x0040_0075, 0x4832_243b, 1);

    /// <summary>What QEMU's machine virt shows a guest: both stages, no substreams, no messages.</summary>
    public static Smmu3Unit Emulated { get; } = new("qemu", 0x0d44_101b, 0x0273_0010, 0x1414, 0x74, 0, 1);

    /// <summary>All presets.</summary>
    public static IReadOnlyList<Smmu3Unit> Presets { get; } = [Full, Mmu600, Emulated];

    /// <summary>IDR0.S1P: stage 1.</summary>
    public bool HasStage1 => Bit(Idr0, 1);

    /// <summary>IDR0.S2P: stage 2.</summary>
    public bool HasStage2 => Bit(Idr0, 0);

    /// <summary>IDR0.TTF: tables of VMSAv8-64.</summary>
    public bool HasAarch64Tables => Bit(Idr0, 3);

    /// <summary>IDR0.COHACC: walks snoop the CPU's caches.</summary>
    public bool IsCoherent => Bit(Idr0, 4);

    /// <summary>IDR0.HTTU ≥ 1: hardware sets access flags.</summary>
    public bool SetsAccessFlag => (Idr0 & HttuMask) != 0;

    /// <summary>IDR0.HTTU ≥ 2: hardware keeps the dirty state.</summary>
    public bool SetsDirtyState => (Idr0 & HttuMask) >> 6 >= 2;

    /// <summary>IDR0.HYP: streams of EL2.</summary>
    public bool HasHypervisor => Bit(Idr0, 9);

    /// <summary>IDR0.ATS: translation requests of devices.</summary>
    public bool HasAts => Bit(Idr0, 10);

    /// <summary>IDR0.NS1ATS = 0: devices may translate by stage 1 alone.</summary>
    public bool HasSplitStageAts => !Bit(Idr0, 11);

    /// <summary>IDR0.ASID16: ASIDs have 16 bits, otherwise 8.</summary>
    public bool HasWideAsid => Bit(Idr0, 12);

    /// <summary>IDR0.MSI: interrupts may be messages.</summary>
    public bool HasMessages => Bit(Idr0, 13);

    /// <summary>IDR0.SEV: a CMD_SYNC may wake waiting CPUs.</summary>
    public bool HasSendEvent => Bit(Idr0, 14);

    /// <summary>IDR0.ATOS: address translation by registers.</summary>
    public bool HasAddressTranslation => Bit(Idr0, 15);

    /// <summary>IDR0.PRI: page requests.</summary>
    public bool HasPageRequests => Bit(Idr0, 16);

    /// <summary>IDR0.VMW: invalidations may leave out low bits of VMIDs.</summary>
    public bool HasVmidWildcards => Bit(Idr0, 17);

    /// <summary>IDR0.VMID16: VMIDs have 16 bits, otherwise 8.</summary>
    public bool HasWideVmid => Bit(Idr0, 18);

    /// <summary>IDR0.CD2L: tables of context descriptors of two levels.</summary>
    public bool HasTwoLevelContexts => Bit(Idr0, 19);

    /// <summary>IDR0.ST_LEVEL: stream tables of two levels.</summary>
    public bool HasTwoLevelStreams => (Idr0 & LevelMask) >> 27 == 1;

    /// <summary>IDR0.TTENDIAN: big-endian tables.</summary>
    public bool HasBigEndianTables => (Idr0 & EndianMask) >> 21 is 0 or 3;

    /// <summary>IDR0.TTENDIAN: little-endian tables.</summary>
    public bool HasLittleEndianTables => (Idr0 & EndianMask) >> 21 is 0 or 2;

    /// <summary>IDR0.ATSRECERR: errors that requests of devices meet may be recorded.</summary>
    public bool RecordsAtsErrors => Bit(Idr0, 23);

    /// <summary>IDR0.STALL_MODEL: 0 both, 1 transactions only end, 2 they only stall.</summary>
    public int StallModel => (int)(Idr0 & StallMask) >> 24;

    /// <summary>IDR0.TERM_MODEL: what ends is aborted, and never answered by zeros.</summary>
    public bool OnlyAborts => Bit(Idr0, 26);

    /// <summary>IDR1.SIDSIZE: bits of a StreamID, 0 to 32.</summary>
    public int StreamBits => (int)Math.Min(Idr1 & 0x3f, 32);

    /// <summary>IDR1.SSIDSIZE: bits of a SubstreamID, 0 to 20.</summary>
    public int SubstreamBits => (int)Math.Min((Idr1 >> 6) & 0x1f, 20);

    /// <summary>IDR1.PRIQS: log2 of the most entries of the page request queue.</summary>
    public int PageRequestQueueLog2 => (int)Math.Min((Idr1 >> 11) & 0x1f, 19);

    /// <summary>IDR1.EVENTQS: log2 of the most entries of the event queue.</summary>
    public int EventQueueLog2 => (int)Math.Min((Idr1 >> 16) & 0x1f, 19);

    /// <summary>IDR1.CMDQS: log2 of the most entries of the command queue.</summary>
    public int CommandQueueLog2 => (int)Math.Min((Idr1 >> 21) & 0x1f, 19);

    /// <summary>IDR3.HAD: the limits of table descriptors may be disabled.</summary>
    public bool HasTableLimitDisable => Bit(Idr3, 2);

    /// <summary>IDR3.XNX: stage 2 tells the execution of EL0 and EL1 apart.</summary>
    public bool HasStage2ExecuteByLevel => Bit(Idr3, 4);

    /// <summary>IDR3.PPS: automatic responses to page requests carry the PASID.</summary>
    public bool ResponsesCarryPasid => Bit(Idr3, 5);

    /// <summary>IDR3.FWB: stage 2 may force the memory type.</summary>
    public bool HasForcedWriteBack => Bit(Idr3, 8);

    /// <summary>IDR3.STT: small tables.</summary>
    public bool HasSmallTables => Bit(Idr3, 9);

    /// <summary>IDR3.RIL: invalidation of ranges.</summary>
    public bool HasRangeInvalidation => Bit(Idr3, 10);

    /// <summary>IDR3.BBML: how a page's size may change without a break: 0 not, 1 and 2 as FEAT_BBM.</summary>
    public int BreakBeforeMakeLevel => (int)(Idr3 & BlockLevelMask) >> 11;

    /// <summary>IDR3.E0PD: one range may be closed to unprivileged transactions.</summary>
    public bool HasUnprivilegedDisable => Bit(Idr3, 13);

    /// <summary>IDR3.PTWNNC: walks onto device memory are made as if it were not cacheable, where S2PTW does not forbid them.</summary>
    public bool WalksDeviceMemory => Bit(Idr3, 14);

    /// <summary>IDR3.EPAN.</summary>
    public bool HasExecuteOnlyPan => Bit(Idr3, 17);

    /// <summary>IDR5.OAS: bits of a physical address.</summary>
    public int AddressBits => Widths[(int)(Idr5 & 7)];

    /// <summary>IDR5.DS: 52-bit addresses with the granules of 4 and 16 KiB.</summary>
    public bool HasWideSmallGranules => Bit(Idr5, 7);

    /// <summary>IDR5.VAX ≥ 1: virtual addresses of 52 bits.</summary>
    public bool HasWideVirtualAddresses => ((Idr5 >> 10) & 3) != 0;

    /// <summary>IDR5.STALL_MAX: how many transactions may stall at once.</summary>
    public int MostStalls => (int)(Idr5 >> 16);

    /// <summary>Bits of a physical address as IPS or S2PS encode them, and the SMMU caps them.</summary>
    /// <param name="encoded">0 to 7.</param>
    public int OutputBits(int encoded) => Math.Min(Widths[encoded & 7], AddressBits);

    /// <summary>Whether tables of a granule exist.</summary>
    /// <param name="shift">Log2 of its bytes.</param>
    public bool HasGranule(int shift) => shift switch
    {
        12 => Bit(Idr5, 4),
        14 => Bit(Idr5, 5),
        16 => Bit(Idr5, 6),
        _ => false,
    };

    /// <summary>
    /// What a guest may be shown of this unit where its tables are walked by a host's: features of both, and the smaller of every size.
    /// </summary>
    /// <param name="host">The host's SMMU.</param>
    /// <exception cref="ArgumentException">One of them only ends transactions that fault, and the other only stalls them; or their byte orders
    /// exclude each other.</exception>
    public Smmu3Unit IntersectWith(Smmu3Unit host)
    {
        ArgumentNullException.ThrowIfNull(host);
        int stall = StallModel == 0 ? host.StallModel : host.StallModel == 0 ? StallModel : StallModel == host.StallModel ? StallModel : -1;
        bool isLittle = HasLittleEndianTables && host.HasLittleEndianTables;
        bool isBig = HasBigEndianTables && host.HasBigEndianTables;
        if (stall < 0 || (!isLittle && !isBig))
        {
            throw new ArgumentException($"{Name} and {host.Name} have no fault model, or no byte order, in common.", nameof(host));
        }

        // Bits that take a feature away, then numbers, then the features.
        const uint numbers0 = HttuMask | EndianMask | StallMask | LevelMask | NoSplitStage | TerminateBit;
        uint endian = isLittle && isBig ? 0u : isLittle ? 2u : 3u;
        uint levels = HasTwoLevelStreams && host.HasTwoLevelStreams ? 1u : 0;
        uint idr0 = (Idr0 & host.Idr0 & ~numbers0)
            | Math.Min(Idr0 & HttuMask, host.Idr0 & HttuMask)
            | (endian << 21)
            | ((uint)stall << 24)
            | (levels << 27)
            | ((Idr0 | host.Idr0) & (NoSplitStage | TerminateBit));
        uint idr1 = Smaller(host, unit => unit.Idr1, 0, 6)
            | Smaller(host, unit => unit.Idr1, 6, 5)
            | Smaller(host, unit => unit.Idr1, 11, 5)
            | Smaller(host, unit => unit.Idr1, 16, 5)
            | Smaller(host, unit => unit.Idr1, 21, 5);
        uint idr3 = (Idr3 & host.Idr3 & ~BlockLevelMask) | Smaller(host, unit => unit.Idr3, 11, 2);
        uint idr5 = (Idr5 & host.Idr5 & 0xf0)
            | Smaller(host, unit => unit.Idr5, 0, 3)
            | Smaller(host, unit => unit.Idr5, 10, 2)
            | Smaller(host, unit => unit.Idr5, 16, 16);
        return this with { Name = $"{Name}&{host.Name}", Idr0 = idr0, Idr1 = idr1, Idr3 = idr3, Idr5 = idr5, Aidr = Math.Min(Aidr, host.Aidr) };
    }

    /// <summary>Why there can be no model of such an SMMU; null if there can.</summary>
    public string? WhyImpossible() =>
        !HasStage1 && !HasStage2 ? "There is no stage in it."
        : (Idr0 & TableFormats) != Aarch64Tables ? "Only tables of VMSAv8-64 are modelled."
        : !HasGranule(12) && !HasGranule(14) && !HasGranule(16) ? "There is no granule in it."
        : (Idr0 & StallMask) == StallMask || (Idr0 & EndianMask) >> 21 == 1 ? "A field of IDR0 is reserved."
        : null;

    private uint Smaller(Smmu3Unit host, Func<Smmu3Unit, uint> register, int shift, int bits)
    {
        uint mask = (1u << bits) - 1;
        return Math.Min((register(this) >> shift) & mask, (register(host) >> shift) & mask) << shift;
    }

    private static bool Bit(uint register, int bit) => ((register >> bit) & 1) != 0;
}
