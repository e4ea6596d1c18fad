using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>
/// What an IOMMU is like, as far as mapping and flushing depend on it. A footprint and these traits say which maintenance an operation needs.
/// </summary>
public sealed record IommuTraits
{
    /// <summary>The name by which users select the IOMMU.</summary>
    public required string Name { get; init; }

    /// <summary>Name of its page-table format.</summary>
    public required string Format { get; init; }

    /// <summary>Bits of an IOVA.</summary>
    public required int InputBits { get; init; }

    /// <summary>Bits of a physical address.</summary>
    public required int OutputBits { get; init; }

    /// <summary>The page sizes that a domain uses unless it asks for others.</summary>
    public required ulong PageSizes { get; init; }

    /// <summary>Every page size of the hardware.</summary>
    public required ulong SupportedPageSizes { get; init; }

    /// <summary>Address spaces that the hardware can hold at a time.</summary>
    public required int AddressSpaces { get; init; }

    /// <summary>Whether the walker sees the CPU's stores without a cache clean.</summary>
    public required bool HasCoherentWalk { get; init; }

    /// <summary>Whether its caches may hold entries that are not present, so that a new mapping is not visible without a flush.</summary>
    public required bool CachesInvalidEntries { get; init; }

    /// <summary>Bytes in a line of the cache that holds table memory by physical address; 0 if there is none.</summary>
    public required int TableCacheLine { get; init; }

    /// <summary>Bytes of IOVA in one line of the TLB.</summary>
    public required int TlbGroup { get; init; }

    /// <summary>Lines of the TLB.</summary>
    public required int TlbLines { get; init; }

    /// <summary>
    /// Whether the driver can flush a range after the fact. If not, <see cref="Domains.SyncPolicy.RangeFlush"/> works page by page.
    /// </summary>
    public bool HasRangeFlush { get; init; } = true;

    /// <summary>When an unmap gives a table back unless the domain asks otherwise.</summary>
    public required TableRelease Release { get; init; }
}
