namespace IommuKit.Specs.Vtd;

/// <summary>
/// A descriptor of VT-d's invalidation queue (VT-d specification, section 6.5.2). Descriptors of 128 bits have zero in the upper two quadwords.
/// <code>
///                     63:52       51:32     31:16  15:12    11:9   8  7   6   5:4          3:0
///  iotlb_inv   qw0    -           -         DID    -        type  -  DR  DW  granularity  type
///  p_iotlb_inv qw0    -           PASID     DID    -        type  -  -   -   granularity  type
///  both        qw1    address 63:12                         11:7 -   6 IH    5:0 AM
/// </code>
/// Only the fields that a type has mean something for it.
/// </summary>
/// <param name="Qw0">Bits 63:0.</param>
/// <param name="Qw1">Bits 127:64.</param>
/// <param name="Qw2">Bits 191:128.</param>
/// <param name="Qw3">Bits 255:192.</param>
public readonly record struct VtdInvalidationDescriptor(ulong Qw0, ulong Qw1, ulong Qw2, ulong Qw3)
{
    private const ulong TypeMask = 0xf;
    private const ulong UpperTypeMask = 7 << 9;
    private const int GranularityShift = 4;
    private const int DrainWritesBit = 6;
    private const int DrainReadsBit = 7;
    private const int DomainIdShift = 16;
    private const int SourceIdShift = 32;
    private const int PasidShift = 32;
    private const int PasidBits = 20;
    private const ulong AddressMaskMask = 0x3f;
    private const int InvalidationHintBit = 6;
    private const int PageShift = 12;

    /// <summary>
    /// Bits 3:0 of the first quadword. Bits 11:9 are the type's upper bits; no type that is defined has one set (see <see cref="IsDefinedType"/>).
    /// </summary>
    public VtdInvalidationType Type => (VtdInvalidationType)(Qw0 & TypeMask);

    /// <summary>Whether the type is one of <see cref="VtdInvalidationType"/>.</summary>
    public bool IsDefinedType =>
        (Qw0 & UpperTypeMask) == 0 && Type is >= VtdInvalidationType.ContextCache and <= VtdInvalidationType.PageGroupResponse;

    /// <summary>
    /// Whether it drops translations that the IOMMU itself holds: an IOTLB invalidation, with or without a PASID, of a granularity that its type has.
    /// </summary>
    public bool DropsTranslations => IsDefinedType && (Type, Granularity) is
        (VtdInvalidationType.Iotlb, not VtdGranularity.Reserved)
        or (VtdInvalidationType.PasidIotlb, VtdGranularity.Domain or VtdGranularity.Selective);

    /// <summary>Bits 5:4, G: of IOTLB and context-cache invalidations.</summary>
    public VtdGranularity Granularity => (VtdGranularity)((Qw0 >> GranularityShift) & 3);

    /// <summary>Bit 6, DW: writes are drained first. IOTLB invalidations.</summary>
    public bool DrainsWrites => (Qw0 >> DrainWritesBit & 1) != 0;

    /// <summary>Bit 7, DR: reads are drained first. IOTLB invalidations.</summary>
    public bool DrainsReads => (Qw0 >> DrainReadsBit & 1) != 0;

    /// <summary>Bits 31:16, DID: the domain, of IOTLB, context-cache and PASID-cache invalidations.</summary>
    public ushort DomainId => (ushort)(Qw0 >> DomainIdShift);

    /// <summary>Bits 47:32, SID: bus, device and function, of context-cache and device-TLB invalidations.</summary>
    public ushort SourceId => (ushort)(Qw0 >> SourceIdShift);

    /// <summary>Bits 51:32, PASID: of PASID-based IOTLB and PASID-cache invalidations.</summary>
    public uint Pasid => (uint)(Qw0 >> PasidShift) & ((1u << PasidBits) - 1);

    /// <summary>
    /// Bits 5:0 of the second quadword, AM: the low bits of the page number that are not compared, so that 2^AM pages of 4 KiB are meant.
    /// Page-selective invalidations.
    /// </summary>
    public int AddressMask => (int)(Qw1 & AddressMaskMask);

    /// <summary>
    /// Bit 6 of the second quadword, IH: only leaves have changed, so that the paging-structure caches may keep what they hold. Page-selective
    /// invalidations.
    /// </summary>
    public bool InvalidationHint => (Qw1 >> InvalidationHintBit & 1) != 0;

    /// <summary>
    /// Bits 63:12 of the second quadword, ADDR, without the bits that <see cref="AddressMask"/> leaves out: the first address that is meant.
    /// Page-selective invalidations.
    /// </summary>
    public ulong Address => AddressMask + PageShift >= 64 ? 0 : Qw1 >> (AddressMask + PageShift) << (AddressMask + PageShift);

    /// <summary>The last address that is meant. Page-selective invalidations.</summary>
    public ulong LastAddress => AddressMask + PageShift >= 64 ? ulong.MaxValue : Address | ((1ul << (AddressMask + PageShift)) - 1);
}
