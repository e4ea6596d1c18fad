using IommuKit.PageTables;
using IommuKit.Sync;

namespace IommuKit.Domains;

/// <summary>What the page tables of an IOMMU are like.</summary>
public sealed record PagingTraits
{
    /// <summary>Name of the page-table format.</summary>
    public required string Format { get; init; }

    /// <summary>When an unmap gives a table back unless the domain asks otherwise.</summary>
    public TableRelease Release { get; init; } = TableRelease.WhenCovered;

    /// <summary>The caches in front of the tables.</summary>
    public required FlushTraits Flush { get; init; }
}
