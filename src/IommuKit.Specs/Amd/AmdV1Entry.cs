namespace IommuKit.Specs.Amd;

/// <summary>
/// Bits of the entries of AMD's own IOMMU page tables, "v1" (AMD IOMMU specification, section 2.2.3).
/// <code>
///            63  62  61  60  59  58:52  51:12                      11:9        8:7  6  5  4:1  0
///  pointer   -   IW  IR  -   -   -      table                      level, 1-6  -    -  A  -    PR
///  leaf      -   IW  IR  FC  U   -      page, or page and its size 0 or 7      -    D  A  -    PR
/// </code>
/// NextLevel (11:9) of a pointer is AMD's number of the table it points to, which counts from 1. In a leaf, 0 means the size that an entry of this
/// level covers, and 7 that the low bits of the address tell the size: 2^(13 + n) bytes, n being the number of ones from bit 12 upwards before the
/// first zero. Rights are those that every level grants.
/// </summary>
public static class AmdV1Entry
{
    /// <summary>Bit 0, PR: the entry is a pointer or a leaf.</summary>
    public const ulong Present = 1ul << 0;

    /// <summary>Bit 5, A: the entry has been used. Only where host accessed bits are enabled.</summary>
    public const ulong Accessed = 1ul << 5;

    /// <summary>Bit 6, D: the page has been written. Only where host dirty bits are enabled.</summary>
    public const ulong Dirty = 1ul << 6;

    /// <summary>Bits 11:9, NextLevel.</summary>
    public const int NextLevelShift = 9;

    /// <summary>NextLevel of a leaf whose address tells its size; also the mask of the field. Its lowest bit is 0 in all other leaves.</summary>
    public const ulong SizeInAddress = 7;

    /// <summary>Bits 51:12 of an address.</summary>
    public const ulong AddressMask = ((1ul << 52) - 1) & ~0xffful;

    /// <summary>Bits 60:52 of a pointer: hardware faults if one is set.</summary>
    public const ulong ReservedInPointer = 0x1fful << 52;

    /// <summary>Bits 58:52 of a leaf: hardware faults if one is set.</summary>
    public const ulong ReservedInLeaf = 0x7ful << 52;

    /// <summary>Bit 60, FC: accesses snoop the CPU's caches whatever the transaction asks for.</summary>
    public const ulong ForceCoherent = 1ul << 60;

    /// <summary>Bit 61, IR: reads are allowed.</summary>
    public const ulong Readable = 1ul << 61;

    /// <summary>Bit 62, IW: writes are allowed.</summary>
    public const ulong Writable = 1ul << 62;
}
