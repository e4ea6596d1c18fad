namespace IommuKit.Specs.Vtd;

/// <summary>
/// Bits of the second-stage paging entries of Intel VT-d (VT-d specification, section 9.8).
/// <code>
///            63  62  61:52    51:12                11   10  9  8  7   6:3   2  1  0
///  pointer   -   -   ignored  table                -    -   -  A  0   -     X  W  R
///  leaf      -   -   ignored  page, down to 20     SNP  -   D  A  PS  type  X  W  R
///                             or 29 for big pages
/// </code>
/// There is no valid bit: an entry that grants nothing is vacant. Rights are those that every level grants.
/// </summary>
public static class VtdSecondStageEntry
{
    /// <summary>Bit 0, R: reads are allowed.</summary>
    public const ulong Readable = 1ul << 0;

    /// <summary>Bit 1, W: writes are allowed.</summary>
    public const ulong Writable = 1ul << 1;

    /// <summary>Bit 2, X: instructions may be fetched. Only where second-stage execute rights are enabled; 0 here.</summary>
    public const ulong Executable = 1ul << 2;

    /// <summary>Bit 7, PS: a leaf above the leaf level, of 2 MiB or 1 GiB.</summary>
    public const ulong PageSize = 1ul << 7;

    /// <summary>Bit 8, A: the entry has been used. Only where accessed and dirty bits are enabled (SSADE).</summary>
    public const ulong Accessed = 1ul << 8;

    /// <summary>Bit 9, D: the page has been written. Only where accessed and dirty bits are enabled (SSADE).</summary>
    public const ulong Dirty = 1ul << 9;

    /// <summary>Bit 11, SNP: accesses snoop the CPU's caches whatever the transaction asks for. Reserved where ECAP.SC is 0.</summary>
    public const ulong Snoop = 1ul << 11;

    /// <summary>Bits 51:12 of an address.</summary>
    public const ulong AddressMask = ((1ul << 52) - 1) & ~0xffful;

    /// <summary>Bit 52, the first of the bits 61:52 that hardware ignores.</summary>
    public const ulong Software = 1ul << 52;
}
