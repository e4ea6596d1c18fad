namespace IommuKit.Models.Smmu2;

/// <summary>What the model's caches did.</summary>
/// <param name="IotlbHits">
/// Translations answered by the IOTLB. Counted without a lock: a few may be missing when more than 64 threads translate at once.
/// </param>
/// <param name="IotlbMisses">Translations that needed a walk.</param>
/// <param name="EntriesRead">Page-table entries read from memory.</param>
/// <param name="Faults">Transactions that were not allowed.</param>
/// <param name="Invalidations">Invalidations that took effect.</param>
public readonly record struct Smmu2Statistics(long IotlbHits, long IotlbMisses, long EntriesRead, long Faults, long Invalidations);
