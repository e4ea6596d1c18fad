namespace IommuKit.Specs.Vtd;

/// <summary>The capability register of a VT-d unit (VT-d specification, section 11.4.2).</summary>
/// <param name="Value">The 64 bits.</param>
public readonly record struct VtdCapability(ulong Value)
{
    /// <summary>Bits 2:0, ND: domain ids have 4 + 2 × ND bits.</summary>
    public int DomainIdBits => 4 + (2 * (int)(Value & 7));

    /// <summary>Bit 4, RWBF: the chipset's write buffer has to be flushed after stores to tables.</summary>
    public bool NeedsWriteBufferFlush => Bit(4);

    /// <summary>Bit 5, PLMR: there is protected memory below 4 GiB.</summary>
    public bool HasProtectedLowMemory => Bit(5);

    /// <summary>Bit 6, PHMR: there is protected memory anywhere.</summary>
    public bool HasProtectedHighMemory => Bit(6);

    /// <summary>Bit 7, CM: entries that are not present or erroneous may be cached, so that they need invalidations too.</summary>
    public bool CachingMode => Bit(7);

    /// <summary>Bits 12:8, SAGAW: widths of second-stage tables; bit 1 for 39, 2 for 48, 3 for 57.</summary>
    public int SupportedWidths => (int)(Value >> 8) & 0x1f;

    /// <summary>Bits 21:16, MGAW: bits of an address that the second stage translates, at the most.</summary>
    public int MaxGuestWidth => (int)((Value >> 16) & 0x3f) + 1;

    /// <summary>Bit 22, ZLR: reads of no byte pass pages that can only be written.</summary>
    public bool ZeroLengthReads => Bit(22);

    /// <summary>Bits 33:24, FRO: where the fault records are, in bytes from the first register.</summary>
    public uint FaultRecordOffset => (uint)((Value >> 24) & 0x3ff) * 16;

    /// <summary>Bit 34: second-stage pages of 2 MiB.</summary>
    public bool SecondStage2M => Bit(34);

    /// <summary>Bit 35: second-stage pages of 1 GiB.</summary>
    public bool SecondStage1G => Bit(35);

    /// <summary>Bit 39, PSI: invalidation of pages.</summary>
    public bool PageSelectiveInvalidation => Bit(39);

    /// <summary>Bits 47:40, NFR: how many fault records there are.</summary>
    public int FaultRecords => (int)((Value >> 40) & 0xff) + 1;

    /// <summary>Bits 53:48, MAMV: the largest address mask of a page-selective invalidation.</summary>
    public int MaxAddressMask => (int)((Value >> 48) & 0x3f);

    /// <summary>Bit 54, DWD: an invalidation of the IOTLB can wait for writes that are under way.</summary>
    public bool DrainsWrites => Bit(54);

    /// <summary>Bit 55, DRD: an invalidation of the IOTLB can wait for reads that are under way.</summary>
    public bool DrainsReads => Bit(55);

    /// <summary>Bit 56, FS1GP: first-stage pages of 1 GiB.</summary>
    public bool FirstStage1G => Bit(56);

    /// <summary>Bit 59, PI: posted interrupts.</summary>
    public bool PostedInterrupts => Bit(59);

    /// <summary>Bit 60, FS5LP: first-stage tables of five levels.</summary>
    public bool FirstStage5Levels => Bit(60);

    /// <summary>Bit 62, ESIRTPS: taking over IRTA invalidates the interrupt entry cache.</summary>
    public bool SetInterruptTableInvalidates => Bit(62);

    /// <summary>Bit 63, ESRTPS: taking over RTADDR invalidates the context cache, the PASID cache and the IOTLB.</summary>
    public bool SetRootTableInvalidates => Bit(63);

    /// <summary>Whether second-stage tables of a width exist.</summary>
    /// <param name="encodedWidth">AW of a context or PASID entry: 1 for 39 bits, 2 for 48, 3 for 57.</param>
    public bool SupportsWidth(int encodedWidth) => encodedWidth is >= 1 and <= 3 && ((SupportedWidths >> encodedWidth) & 1) != 0;

    private bool Bit(int bit) => ((Value >> bit) & 1) != 0;
}
