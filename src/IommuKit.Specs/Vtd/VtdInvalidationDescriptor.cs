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

    /// <summary>Bytes of a descriptor of 128 bits.</summary>
    public const int Bytes = 16;

    /// <summary>Bytes of a descriptor of 256 bits.</summary>
    public const int WideBytes = 32;

    /// <summary>Drops context entries: all, those of a domain, or those of a device and of the functions that a mask names.</summary>
    public static VtdInvalidationDescriptor InvalidateContexts(
        VtdGranularity granularity, ushort domainId = 0, ushort sourceId = 0, int functionMask = 0) => Of(
        VtdInvalidationType.ContextCache,
        Granular(granularity) | Domain(domainId) | ((ulong)sourceId << SourceIdShift) | ((ulong)(uint)(functionMask & 3) << 48));

    /// <summary>Drops translations: all, those of a domain, or pages of it; a wait behind it waits for reads and writes under way too.</summary>
    /// <param name="granularity">How much.</param>
    /// <param name="domainId">The domain.</param>
    /// <param name="address">The first address, aligned to 2^<paramref name="addressMask"/> pages.</param>
    /// <param name="addressMask">Log2 of the pages.</param>
    /// <param name="hint">Whether only leaves have changed.</param>
    public static VtdInvalidationDescriptor InvalidateIotlb(
        VtdGranularity granularity, ushort domainId = 0, ulong address = 0, int addressMask = 0, bool hint = false) => Of(
        VtdInvalidationType.Iotlb,
        Granular(granularity) | (1ul << DrainWritesBit) | (1ul << DrainReadsBit) | Domain(domainId),
        Pages(address, addressMask, hint));

    /// <summary>Drops translations of a PASID within a domain: all, or pages.</summary>
    /// <param name="granularity">How much: <see cref="VtdGranularity.Domain"/> is all of the PASID.</param>
    /// <param name="domainId">The domain.</param>
    /// <param name="pasid">The PASID.</param>
    /// <param name="address">The first address, aligned to 2^<paramref name="addressMask"/> pages.</param>
    /// <param name="addressMask">Log2 of the pages.</param>
    /// <param name="hint">Whether only leaves have changed.</param>
    public static VtdInvalidationDescriptor InvalidatePasidIotlb(
        VtdGranularity granularity, ushort domainId, uint pasid, ulong address = 0, int addressMask = 0, bool hint = false) => Of(
        VtdInvalidationType.PasidIotlb,
        Granular(granularity) | Domain(domainId) | ((ulong)pasid << PasidShift),
        Pages(address, addressMask, hint));

    /// <summary>Drops all PASID entries.</summary>
    public static VtdInvalidationDescriptor InvalidateAllPasids() => Of(VtdInvalidationType.PasidCache, 3ul << GranularityShift);

    /// <summary>Drops PASID entries of a domain: all, or that of one PASID.</summary>
    public static VtdInvalidationDescriptor InvalidatePasids(ushort domainId, uint? pasid = null) => Of(
        VtdInvalidationType.PasidCache,
        Domain(domainId) | (pasid is { } one ? (1ul << GranularityShift) | ((ulong)one << PasidShift) : 0));

    /// <summary>Tells a device to drop translations that it has for requests without a PASID.</summary>
    /// <param name="sourceId">The device.</param>
    /// <param name="address">The first address, aligned to the size.</param>
    /// <param name="sizeLog2">Log2 of the bytes, 12 to 64.</param>
    public static VtdInvalidationDescriptor InvalidateDeviceTlb(ushort sourceId, ulong address, int sizeLog2) => Of(
        VtdInvalidationType.DeviceTlb, (ulong)sourceId << SourceIdShift, DeviceRange(address, sizeLog2, rangeBit: 0));

    /// <summary>Tells a device to drop translations that it has for a PASID.</summary>
    /// <param name="sourceId">The device.</param>
    /// <param name="pasid">The PASID.</param>
    /// <param name="address">The first address, aligned to the size.</param>
    /// <param name="sizeLog2">Log2 of the bytes, 12 to 64.</param>
    public static VtdInvalidationDescriptor InvalidatePasidDeviceTlb(ushort sourceId, uint pasid, ulong address, int sizeLog2) => Of(
        VtdInvalidationType.PasidDeviceTlb, Domain(sourceId) | ((ulong)pasid << PasidShift), DeviceRange(address, sizeLog2, rangeBit: 11));

    /// <summary>Drops all interrupt entries.</summary>
    public static VtdInvalidationDescriptor InvalidateAllInterrupts() => Of(VtdInvalidationType.InterruptEntryCache, 0);

    /// <summary>Drops 2^<paramref name="indexMask"/> interrupt entries.</summary>
    public static VtdInvalidationDescriptor InvalidateInterrupts(ushort index, int indexMask = 0) => Of(
        VtdInvalidationType.InterruptEntryCache, (1ul << 4) | ((ulong)(uint)(indexMask & 0x1f) << 27) | ((ulong)index << SourceIdShift));

    /// <summary>Waits for everything before it, and then stores to memory.</summary>
    /// <param name="statusAddress">Where, a multiple of 4.</param>
    /// <param name="statusData">What.</param>
    /// <param name="raisesInterrupt">Whether an interrupt tells of it too.</param>
    /// <param name="isFence">Whether what follows begins only then.</param>
    public static VtdInvalidationDescriptor CompletionWait(
        ulong statusAddress, uint statusData, bool raisesInterrupt = false, bool isFence = false) => Of(
        VtdInvalidationType.Wait,
        (raisesInterrupt ? 1ul << 4 : 0) | (1ul << 5) | (isFence ? 1ul << 6 : 0) | ((ulong)statusData << 32),
        statusAddress & ~3ul);

    /// <summary>Has what follows begin after what came before has completed; tells nobody of it.</summary>
    public static VtdInvalidationDescriptor Fence() => Of(VtdInvalidationType.Wait, 1ul << 6);

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

    /// <summary>Bit 6, DW: it is complete only when writes under way are (see <see cref="VtdUnit.Drains"/>). IOTLB invalidations.</summary>
    public bool DrainsWrites => (Qw0 >> DrainWritesBit & 1) != 0;

    /// <summary>Bit 7, DR: it is complete only when reads under way are (see <see cref="VtdUnit.Drains"/>). IOTLB invalidations.</summary>
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

    /// <summary>Bits 49:48, FM: the low bits of the function that are not compared: 0, 1, 2 or 3. Context-cache invalidations of a device.</summary>
    public int FunctionMask => (int)(Qw0 >> 48) & 3;

    /// <summary>Bit 4: one entry or a few; otherwise all. Interrupt-entry-cache invalidations.</summary>
    public bool IsIndexSelective => (Qw0 >> 4 & 1) != 0;

    /// <summary>Bits 31:27, IM: the low bits of the index that are not compared. Interrupt-entry-cache invalidations.</summary>
    public int IndexMask => (int)(Qw0 >> 27) & 0x1f;

    /// <summary>Bits 47:32, IIDX: the entry. Interrupt-entry-cache invalidations.</summary>
    public int InterruptIndex => SourceId;

    /// <summary>Bit 4, IF: the completion is told by an interrupt. Waits.</summary>
    public bool RaisesInterrupt => (Qw0 >> 4 & 1) != 0;

    /// <summary>Bit 5, SW: the completion is told by a store to memory. Waits.</summary>
    public bool WritesStatus => (Qw0 >> 5 & 1) != 0;

    /// <summary>Bit 6, FN: what follows begins after what came before has completed. Waits.</summary>
    public bool IsFence => (Qw0 >> 6 & 1) != 0;

    /// <summary>Bits 63:32: what is stored. Waits.</summary>
    public uint StatusData => (uint)(Qw0 >> 32);

    /// <summary>Bits 63:2 of the second quadword: where it is stored. Waits.</summary>
    public ulong StatusAddress => Qw1 & ~3ul;

    /// <summary>What a device drops. Device-TLB invalidations of both types.</summary>
    public VtdDeviceTlbInvalidation DeviceTlb
    {
        get
        {
            bool hasPasid = Type == VtdInvalidationType.PasidDeviceTlb;
            bool isRange = (Qw1 >> (hasPasid ? 11 : 0) & 1) != 0;

            // As in ATS: the lowest address bit that is 0 tells the size; none, that it is everything.
            ulong page = Qw1 >> PageShift;
            int sizeLog2 = !isRange ? PageShift : PageShift + 1 + System.Numerics.BitOperations.TrailingZeroCount(~page);
            ulong below = sizeLog2 >= 64 ? ulong.MaxValue : (1ul << sizeLog2) - 1;
            ulong first = Qw1 & ~0xffful & ~below;
            return new VtdDeviceTlbInvalidation(
                hasPasid ? DomainId : SourceId, first, first | below, hasPasid ? (int)Pasid : null, hasPasid && (Qw1 & 1) != 0);
        }
    }

    /// <summary>The answer to a device's page requests. Page-group responses.</summary>
    public VtdPageGroupResponse PageGroupResponse =>
        new(DomainId, (int)(Qw1 >> 3) & 0x1ff, (Qw0 >> 4 & 1) != 0 ? (int)Pasid : null, (int)(Qw0 >> 12) & 0xf);

    /// <summary>Whether a bit is set that the specification reserves for the type. True of types that are not defined.</summary>
    public bool HasReservedBits
    {
        get
        {
            var (first, second) = Type switch
            {
                VtdInvalidationType.ContextCache => (0xfffc_0000_0000_f1c0, ulong.MaxValue),
                VtdInvalidationType.Iotlb => (0xffff_ffff_0000_f100, 0xf80ul),
                VtdInvalidationType.DeviceTlb => (0x000f_0000_ffe0_01f0ul, 0xffeul),
                VtdInvalidationType.InterruptEntryCache => (0xffff_0000_07ff_f1e0, ulong.MaxValue),
                VtdInvalidationType.Wait => (0xffff_f100ul, 3ul),
                VtdInvalidationType.PasidIotlb => (0xfff0_0000_0000_f1c0, 0xf80ul),
                VtdInvalidationType.PasidCache => (0xfff0_0000_0000_f1c0, ulong.MaxValue),
                VtdInvalidationType.PasidDeviceTlb => (0ul, 0x7feul),
                VtdInvalidationType.PageGroupResponse => (0xfff0_0000_0000_01e0, 0xffff_ffff_ffff_f003),
                _ => (ulong.MaxValue, ulong.MaxValue),
            };
            bool hasPrivateData = Type == VtdInvalidationType.PageGroupResponse;
            return (Qw0 & first) != 0 || (Qw1 & second) != 0 || (!hasPrivateData && (Qw2 | Qw3) != 0);
        }
    }

    private static VtdInvalidationDescriptor Of(VtdInvalidationType type, ulong qw0, ulong qw1 = 0) => new((ulong)type | qw0, qw1, 0, 0);

    private static ulong Granular(VtdGranularity granularity) => (ulong)granularity << GranularityShift;

    private static ulong Domain(ushort domainId) => (ulong)domainId << DomainIdShift;

    private static ulong Pages(ulong address, int addressMask, bool hint) =>
        (address & ~0xffful) | ((uint)addressMask & AddressMaskMask) | (hint ? 1ul << InvalidationHintBit : 0);

    private static ulong DeviceRange(ulong address, int sizeLog2, int rangeBit)
    {
        if (sizeLog2 is < PageShift or > 64)
        {
            throw new ArgumentOutOfRangeException(nameof(sizeLog2), sizeLog2, "A device drops 2^12 to 2^64 bytes.");
        }

        if (sizeLog2 == PageShift)
        {
            return address & ~0xffful;
        }

        // As in ATS: ones below the bit that tells the size.
        ulong ones = (1ul << (sizeLog2 - 1)) - 1;
        ulong start = sizeLog2 == 64 ? 0 : address & ~((1ul << sizeLog2) - 1);
        return start | (ones & ~0xffful) | (1ul << rangeBit);
    }
}
