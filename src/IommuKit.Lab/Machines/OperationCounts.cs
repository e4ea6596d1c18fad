using System.Runtime.CompilerServices;

namespace IommuKit.Lab.Machines;

/// <summary>What a machine did: counted, not estimated. Take two and subtract them to get what happened between.</summary>
/// <param name="RegisterWrites">Writes of IOMMU registers.</param>
/// <param name="RegisterReads">Reads of IOMMU registers.</param>
/// <param name="LinesCleaned">Lines of the CPU's cache written back.</param>
/// <param name="CleanCalls">The pieces in which they were written back.</param>
/// <param name="Barriers">Barriers after cleans.</param>
/// <param name="EntriesStored">Page-table entries stored.</param>
/// <param name="TablesAllocated">Page tables allocated.</param>
/// <param name="TablesFreed">Page tables given back.</param>
/// <param name="RangesMapped">Physical ranges given to map: entries of scatter lists.</param>
/// <param name="Syncs">Synchronisations that waited for the hardware.</param>
/// <param name="RunsStored">Runs of neighbouring entries stored in one go.</param>
public readonly record struct OperationCounts(
    RegisterAccesses RegisterWrites,
    RegisterAccesses RegisterReads,
    long LinesCleaned,
    long CleanCalls,
    long Barriers,
    long EntriesStored,
    long TablesAllocated,
    long TablesFreed,
    long RangesMapped,
    long Syncs,
    long RunsStored)
{
    /// <summary>Operations that keep caches in step: register accesses and lines cleaned.</summary>
    public long Maintenance => RegisterWrites.Total + RegisterReads.Total + LinesCleaned;

    /// <summary>What was added since an earlier count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OperationCounts operator -(in OperationCounts later, in OperationCounts earlier) => new(
        later.RegisterWrites - earlier.RegisterWrites,
        later.RegisterReads - earlier.RegisterReads,
        later.LinesCleaned - earlier.LinesCleaned,
        later.CleanCalls - earlier.CleanCalls,
        later.Barriers - earlier.Barriers,
        later.EntriesStored - earlier.EntriesStored,
        later.TablesAllocated - earlier.TablesAllocated,
        later.TablesFreed - earlier.TablesFreed,
        later.RangesMapped - earlier.RangesMapped,
        later.Syncs - earlier.Syncs,
        later.RunsStored - earlier.RunsStored);
}
