namespace IommuKit.Specs.X86;

/// <summary>
/// Bits of the paging entries of x86-64 (Intel SDM volume 3, section 4.5; VT-d specification, section 9.7, for the first stage; AMD IOMMU
/// specification, section 2.2.6, for guest translations).
/// <code>
///                63  62:59  58:52    51:12                  11:9  8  7        6  5  4    3    2    1    0
///  pointer       XD  -      ignored  table                  -     -  0        -  A  PCD  PWT  U/S  R/W  P
///  big page      XD  -      ignored  page, 51:21 or 51:30;  -     G  PS = 1   D  A  PCD  PWT  U/S  R/W  P
///                                    PAT is bit 12
///  4 KiB page    XD  -      ignored  page                   -     G  PAT      D  A  PCD  PWT  U/S  R/W  P
/// </code>
/// R/W and U/S hold if every level has them set, XD if any level has.
/// </summary>
public static class X86Entry
{
    /// <summary>Bit 0, P: the entry is a pointer or a leaf.</summary>
    public const ulong Present = 1ul << 0;

    /// <summary>Bit 1, R/W: writes are allowed.</summary>
    public const ulong Writable = 1ul << 1;

    /// <summary>Bit 2, U/S: unprivileged transactions are allowed.</summary>
    public const ulong User = 1ul << 2;

    /// <summary>Bit 3, PWT: part of the memory type. Not used.</summary>
    public const ulong WriteThrough = 1ul << 3;

    /// <summary>Bit 4, PCD: part of the memory type; with the reset value of PAT, not cached.</summary>
    public const ulong CacheDisable = 1ul << 4;

    /// <summary>Bit 5, A: the entry has been used. If 0, hardware sets it.</summary>
    public const ulong Accessed = 1ul << 5;

    /// <summary>Bit 6, D: the page has been written. If 0, hardware sets it on a write.</summary>
    public const ulong Dirty = 1ul << 6;

    /// <summary>Bit 7, PS: a leaf above the leaf level, of 2 MiB or 1 GiB. In a leaf of 4 KiB it is PAT, a part of the memory type.</summary>
    public const ulong PageSize = 1ul << 7;

    /// <summary>Bit 8, G: the mapping exists in all address spaces. Not used; IOMMUs ignore it.</summary>
    public const ulong Global = 1ul << 8;

    /// <summary>Bit 12 of a leaf of 2 MiB or 1 GiB: PAT, part of the memory type.</summary>
    public const ulong BigPageMemoryType = 1ul << 12;

    /// <summary>Bits 51:12 of an address.</summary>
    public const ulong AddressMask = ((1ul << 52) - 1) & ~0xffful;

    /// <summary>Bit 52, the first of the bits 58:52 that all of the three specifications leave to software, in pointers too.</summary>
    public const ulong Software = 1ul << 52;

    /// <summary>Bit 63, XD or NX: instructions may not be fetched. Reserved where the feature is off.</summary>
    public const ulong NoExecute = 1ul << 63;
}
