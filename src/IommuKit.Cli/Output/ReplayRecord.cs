using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>A result of <c>iommukit replay</c> as JSON and CSV have it. docs/json.md describes the fields.</summary>
internal sealed class ReplayRecord(ReplayResult result, ReplayOptions options)
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

    public double MapP50Us => Percentile(result.MapLatency, 0.5);

    public double MapP90Us => Percentile(result.MapLatency, 0.9);

    public double MapP99Us => Percentile(result.MapLatency, 0.99);

    public double MapMaxUs => Math.Round(result.MapLatency.MaxMicroseconds, 3);

    public double UnmapP50Us => Percentile(result.UnmapLatency, 0.5);

    public double UnmapP90Us => Percentile(result.UnmapLatency, 0.9);

    public double UnmapP99Us => Percentile(result.UnmapLatency, 0.99);

    public double UnmapMaxUs => Math.Round(result.UnmapLatency.MaxMicroseconds, 3);

    public ulong PeakLivePages => result.Trace.PeakLivePages;

    public long MapsOverLive => result.Trace.MapsOverLive;

    public long OrphanUnmaps => result.Trace.Orphans;

    public long UnknownLines => result.Trace.UnknownLines;

    public IReadOnlyList<SkippedRecord> SkippedReasons => Skips.Records(result.Skipped);

    public string Costs => options.Costs.Name;

    public string? Problem => result.Trace.Problem;

    public string Tuning => Output.Tuning.Describe(options.Settings, options.FlushAllPages);

    private static double Percentile(LatencyHistogram histogram, double share) => Math.Round(histogram.Percentile(share), 3);
}
