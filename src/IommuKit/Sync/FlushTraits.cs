namespace IommuKit.Sync;

/// <summary>
/// What the caches of an IOMMU with page tables are like: with the footprint of an operation, these say which maintenance it needs.
/// </summary>
public sealed record FlushTraits
{
    /// <summary>Whether the walker sees the CPU's stores without a cache clean.</summary>
    public required bool HasCoherentWalk { get; init; }

    /// <summary>
    /// Whether walker or IOTLB remember anything, so that they have to be told of what is removed. Without it, what is unmapped is gone with the
    /// store.
    /// </summary>
    public bool HasTlb { get; init; } = true;

    /// <summary>Whether its caches may hold entries that are not present, so that a new mapping is not visible without a flush.</summary>
    public required bool CachesInvalidEntries { get; init; }

    /// <summary>
    /// Where caches hold entries that are not present: whether dropping a page drops all of them that are on the way to it. Then a map that links a table
    /// needs its own pages dropped, and not all that the table translates.
    /// </summary>
    public bool PagesDropInvalidEntries { get; init; }

    /// <summary>Bytes in a line of the cache that holds table memory by physical address; 0 if there is none.</summary>
    public int TableCacheLine { get; init; }

    /// <summary>Bytes of IOVA in one line of the TLB; 0 if that is a page.</summary>
    public int TlbGroup { get; init; }

    /// <summary>Lines of the TLB; 0 if that is not known.</summary>
    public int TlbLines { get; init; }

    /// <summary>
    /// Whether the driver can flush a range after the fact. If not, a domain that asks for one flush of the range works page by page.
    /// </summary>
    public bool HasRangeFlush { get; init; } = true;
}
