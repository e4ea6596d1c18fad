namespace IommuKit.Models.Smmu3;

/// <summary>What the model's caches did.</summary>
/// <param name="IotlbHits">
/// Translations answered by the IOTLB. Counted without a lock: a few may be missing when more than 64 threads translate at once.
/// </param>
/// <param name="IotlbMisses">Translations that needed a walk.</param>
/// <param name="EntriesRead">Page-table entries read from memory.</param>
/// <param name="StructuresRead">Stream table entries, context descriptors, and pointers to tables of them, read from memory.</param>
/// <param name="Faults">Transactions that were not allowed.</param>
/// <param name="Commands">Commands consumed.</param>
/// <param name="LostEvents">Events that no record could be stored of.</param>
public readonly record struct Smmu3Statistics(
    long IotlbHits, long IotlbMisses, long EntriesRead, long StructuresRead, long Faults, long Commands, long LostEvents);
