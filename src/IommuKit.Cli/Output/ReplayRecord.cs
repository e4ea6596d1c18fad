using IommuKit.Lab;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>A result of <c>iommukit replay</c> as JSON and CSV have it. docs/json.md describes the fields.</summary>
internal sealed class ReplayRecord(ReplayResult result)
{
    public string File => result.Trace.File;

    public string Policy => result.Policy.ToString();

    public string Iommu => result.Iommu;

    public long MapEvents => result.Trace.Maps;

    public long UnmapEvents => result.Trace.Unmaps;

    public long OtherEvents => result.Trace.Others;

    public long LostEvents => result.Trace.Lost;

    public long Skipped => result.SkippedCount;

    public ulong LivePages => result.Trace.LivePages;

    public long RegisterWrites => result.Counts.RegisterWrites.Total;

    public long RegisterReads => result.Counts.RegisterReads.Total;

    public long LinesCleaned => result.Counts.LinesCleaned;

    public double VirtualUs => Math.Round(result.VirtualMicroseconds, 3);

    public long Barriers => result.Counts.Barriers;

    public long EntriesStored => result.Counts.EntriesStored;

    public long TablesAllocated => result.Counts.TablesAllocated;

    public long TablesFreed => result.Counts.TablesFreed;

    public long Syncs => result.Counts.Syncs;

    public double MapP50Us => Math.Round(result.MapLatency.P50, 3);

    public double MapP90Us => Math.Round(result.MapLatency.P90, 3);

    public double MapP99Us => Math.Round(result.MapLatency.P99, 3);

    public double MapMaxUs => Math.Round(result.MapLatency.Max, 3);

    public double UnmapP50Us => Math.Round(result.UnmapLatency.P50, 3);

    public double UnmapP90Us => Math.Round(result.UnmapLatency.P90, 3);

    public double UnmapP99Us => Math.Round(result.UnmapLatency.P99, 3);

    public double UnmapMaxUs => Math.Round(result.UnmapLatency.Max, 3);

    public ulong PeakLivePages => result.Trace.PeakLivePages;

    public long MapsOverLive => result.Trace.MapsOverLive;

    public long OrphanUnmaps => result.Trace.Orphans;

    public long UnknownLines => result.Trace.UnknownLines;

    public IReadOnlyList<SkippedRecord> SkippedReasons => Skips.Records(result.Skipped);

    public string Costs => result.Costs;

    public string? Problem => result.Trace.Problem;

    [OwnWords]
    public string Tuning => Output.Tuning.Describe(result.Tuning.Settings, result.Tuning.FlushAllPages);

    public double? Coverage => result.Coverage is { } share ? Math.Round(share, 6) : null;

    public string? RecordedOn => result.Trace.RecordedOn;

    public bool PromisesAll => result.Policy.IsFull();

    public long UnmapsLeftReachable => result.Exposure.Unmaps;

    public long ReachablePagesP99 => result.Exposure.PagesP99;

    public long ReachablePagesMax => result.Exposure.PagesMax;

    public double? ReachableRecordedP99Us => result.Exposure.RecordedP99 / 1000.0;

    public double? ReachableRecordedMaxUs => result.Exposure.RecordedMax / 1000.0;

    public double ReachableVirtualP99Us => Math.Round(result.Exposure.VirtualP99, 3);

    public double ReachableVirtualMaxUs => Math.Round(result.Exposure.VirtualMax, 3);
}
