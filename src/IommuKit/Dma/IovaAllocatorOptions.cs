namespace IommuKit.Dma;

/// <summary>How an <see cref="IovaAllocator"/> hands out IOVAs.</summary>
public sealed record IovaAllocatorOptions
{
    /// <summary>The smallest piece in bytes, a power of two: the smallest page of the domain. 4 KiB unless it is said otherwise.</summary>
    public ulong Granule { get; init; } = 4096;

    /// <summary>The first IOVA; the first granule is never handed out, so that 0 can stand for none.</summary>
    public ulong First { get; init; }

    /// <summary>The last IOVA. The granule that ends at 2^64 - 1 is never handed out.</summary>
    public ulong Last { get; init; } = (1ul << 48) - 1;

    /// <summary>
    /// The largest size in granules that is kept in caches when it is given back, 0 for no caches, else a power of two up to 65,536. Sizes up to this
    /// are rounded up to a power of two; larger ones never. 32 unless it is said otherwise, as in Linux: 128 KiB.
    /// </summary>
    public int MostCachedGranules { get; init; } = 32;

    /// <summary>How many ranges of one size a thread's cache holds: 2 to 65,536. 256 unless it is said otherwise.</summary>
    public int CachedRanges { get; init; } = 256;
}
