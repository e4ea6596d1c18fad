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
}
