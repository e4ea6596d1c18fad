using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Costs;

/// <summary>What each operation costs in microseconds, side by side, for whoever prices many calls one by one.</summary>
/// <param name="components">The costs, with their sources.</param>
internal readonly struct CostWeights(CostComponents components)
{
    private readonly double _mapCall = components.MapCall.Us;
    private readonly double _unmapCall = components.UnmapCall.Us;
    private readonly double _rangeMapped = components.RangeMapped.Us;
    private readonly double _entryStored = components.EntryStored.Us;
    private readonly double _runStored = components.RunStored.Us;
    private readonly double _lineCleaned = components.LineCleaned.Us;
    private readonly double _barrier = components.Barrier.Us;
    private readonly double _registerWrite = components.RegisterWrite.Us;
    private readonly double _registerRead = components.RegisterRead.Us;
    private readonly double _tableAllocated = components.TableAllocated.Us;
    private readonly double _tableFreed = components.TableFreed.Us;

    /// <inheritdoc cref="CostVector.Microseconds"/>
    public double Microseconds(in OperationCounts counts, int maps, int unmaps) =>
        (maps * _mapCall)
        + (unmaps * _unmapCall)
        + (counts.RangesMapped * _rangeMapped)
        + (counts.EntriesStored * _entryStored)
        + (counts.RunsStored * _runStored)
        + (counts.LinesCleaned * _lineCleaned)
        + (counts.Barriers * _barrier)
        + (counts.RegisterWrites.Total * _registerWrite)
        + (counts.RegisterReads.Total * _registerRead)
        + (counts.TablesAllocated * _tableAllocated)
        + (counts.TablesFreed * _tableFreed);
}
