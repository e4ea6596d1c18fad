namespace IommuKit.PageTables;

/// <summary>What is chosen at run time about a page table.</summary>
public sealed record PageTableOptions
{
    /// <summary>Bits of an IOVA; the root table is as high and as long as they need.</summary>
    public required int InputBits { get; init; }

    /// <summary>Bits of a physical address that leaves and tables may have.</summary>
    public required int OutputBits { get; init; }

    /// <summary>The page sizes to use, a subset of the format's; 0 means all of them.</summary>
    public ulong PageSizes { get; init; }

    /// <summary>When unmap gives tables back.</summary>
    public TableRelease Release { get; init; } = TableRelease.WhenCovered;

    /// <summary>
    /// Whether an unmap of part of a large page makes smaller pages of the rest, as Linux did until 6.12. If not, the page goes whole when its start
    /// is hit, and stays when it is hit elsewhere. A page becomes pages of the next size that the format has, whether <see cref="PageSizes"/> allows
    /// that or not: a page of 1 GiB of which 4 KiB go leaves pages of 2 MiB. Not with operations in parallel.
    /// </summary>
    public bool SplitsPages { get; init; }

    /// <summary>
    /// Whether pointers to tables need maintenance before the walker sees them, so that a thread must know if another's is done
    /// (see <see cref="Specs.PageTables.IPageTableFormat.SoftwareBit"/>).
    /// </summary>
    public bool TracksVisibility { get; init; }
}
