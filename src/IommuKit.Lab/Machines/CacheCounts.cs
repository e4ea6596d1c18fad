namespace IommuKit.Lab.Machines;

/// <summary>What the caches of an IOMMU model did.</summary>
/// <param name="TlbHits">Translations answered by the TLB.</param>
/// <param name="TlbMisses">Translations that needed a walk.</param>
/// <param name="TableCacheHits">
/// Reads of table memory answered by the cache for it; or, where that holds pointers to tables, walks that it let begin at the last one.
/// </param>
/// <param name="TableCacheMisses">Reads of table memory that went to memory.</param>
public readonly record struct CacheCounts(long TlbHits, long TlbMisses, long TableCacheHits, long TableCacheMisses)
{
    /// <summary>What was added since an earlier count.</summary>
    public static CacheCounts operator -(in CacheCounts later, in CacheCounts earlier) => new(
        later.TlbHits - earlier.TlbHits,
        later.TlbMisses - earlier.TlbMisses,
        later.TableCacheHits - earlier.TableCacheHits,
        later.TableCacheMisses - earlier.TableCacheMisses);
}
