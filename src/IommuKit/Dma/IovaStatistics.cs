namespace IommuKit.Dma;

/// <summary>How an <see cref="IovaAllocator"/> has fared.</summary>
/// <param name="Searches">Searches in the tree: allocations that no cache could serve.</param>
/// <param name="Steps">Free ranges that these searches looked at.</param>
/// <param name="Contentions">How often a thread found a lock taken, whether it waited for it or left its work to the holder.</param>
/// <param name="Drains">How often all caches were emptied because nothing was left.</param>
/// <param name="Cached">Ranges that are in caches now: free, but for allocations of their size only.</param>
/// <param name="Pending">Ranges that were given back and are not in the tree yet, because its lock was taken.</param>
/// <param name="MemoryBytes">Memory that ranges and caches take.</param>
public readonly record struct IovaStatistics(long Searches, long Steps, long Contentions, long Drains, long Cached, long Pending, long MemoryBytes);
