namespace IommuKit.Models.Vtd;

/// <summary>What the model's caches did.</summary>
/// <param name="IotlbHits">
/// Translations answered by the IOTLB. Counted without a lock: a few may be missing when more than 64 threads translate at once.
/// </param>
/// <param name="IotlbMisses">Translations that needed a walk.</param>
/// <param name="Level1Misses">Walks that did not find the pointer for their 2 MiB cached.</param>
/// <param name="Level2Misses">Walks that did not find the pointer for their 1 GiB cached either.</param>
/// <param name="Level3Misses">Walks that did not find the pointer for their 512 GiB cached either, where tables have that level.</param>
/// <param name="EntriesRead">Page-table entries read from memory.</param>
/// <param name="StructuresRead">Root, context and PASID entries read from memory, and interrupt entries.</param>
/// <param name="Faults">Requests stopped, with or without a record.</param>
/// <param name="Descriptors">Descriptors taken from the invalidation queue.</param>
public readonly record struct VtdStatistics(
    long IotlbHits,
    long IotlbMisses,
    long Level1Misses,
    long Level2Misses,
    long Level3Misses,
    long EntriesRead,
    long StructuresRead,
    long Faults,
    long Descriptors);
