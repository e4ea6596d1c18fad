using IommuKit.Lab;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>A case of <c>iommukit replay --what-if</c> as JSON and CSV have it. docs/json.md describes the fields.</summary>
internal sealed class WhatIfRecord(ReplayResult result, ReplayResult first, ReplayResult? best)
{
    public string File => result.Trace.File;

    public string Iommu => result.Iommu;

    public string Policy => result.Policy.ToString();

    public int FlushAllPages => result.Tuning.FlushAllPages;

    public int TlbStepBytes => result.Tuning.Settings.Tuning["tlb-step"];

    public int SectionThreshold => result.Tuning.Settings.Tuning["section-threshold"];

    public int AsidThreshold => result.Tuning.Settings.Tuning["asid-threshold"];

    public bool Sections => result.Tuning.Settings.UsesSuperpages;

    public double VirtualUs => Math.Round(result.VirtualMicroseconds, 3);

    public double? TimeRatio => Ratio(result.VirtualMicroseconds, first.VirtualMicroseconds);

    public long Operations => result.Counts.Maintenance;

    public double? OperationsRatio => Ratio(result.Counts.Maintenance, first.Counts.Maintenance);

    public long RegisterWrites => result.Counts.RegisterWrites.Total;

    public long TableCacheWrites => result.Counts.RegisterWrites.TableCache;

    public long TlbWrites => result.Counts.RegisterWrites.Tlb;

    public long RegisterReads => result.Counts.RegisterReads.Total;

    public long LinesCleaned => result.Counts.LinesCleaned;

    public long Barriers => result.Counts.Barriers;

    public long Syncs => result.Counts.Syncs;

    public double MapP50Us => Math.Round(result.MapLatency.P50, 3);

    public double MapP99Us => Math.Round(result.MapLatency.P99, 3);

    public double MapMaxUs => Math.Round(result.MapLatency.Max, 3);

    public double UnmapP50Us => Math.Round(result.UnmapLatency.P50, 3);

    public double UnmapP99Us => Math.Round(result.UnmapLatency.P99, 3);

    public double UnmapMaxUs => Math.Round(result.UnmapLatency.Max, 3);

    public long Skipped => result.SkippedCount;

    public string Costs => result.Costs;

    public string? Problem => result.Trace.Problem;

    public double? Coverage => result.Coverage is { } share ? Math.Round(share, 6) : null;

    public string? RecordedOn => result.Trace.RecordedOn;

    public bool PromisesAll => result.Policy.IsFull();

    public bool IsBest => ReferenceEquals(result, best);

    public long UnmapsLeftReachable => result.Exposure.Unmaps;

    public long ReachablePagesP99 => result.Exposure.PagesP99;

    public long ReachablePagesMax => result.Exposure.PagesMax;

    public double? ReachableRecordedP99Us => result.Exposure.RecordedP99 / 1000.0;

    public double? ReachableRecordedMaxUs => result.Exposure.RecordedMax / 1000.0;

    public double ReachableVirtualP99Us => Math.Round(result.Exposure.VirtualP99, 3);

    public double ReachableVirtualMaxUs => Math.Round(result.Exposure.VirtualMax, 3);

    /// <summary>The records of results, each compared with the first of its file.</summary>
    public static IReadOnlyList<WhatIfRecord> Of(IReadOnlyList<ReplayResult> results) =>
    [
        .. results.GroupBy(result => result.Trace).SelectMany(file =>
        {
            ReplayResult[] cases = [.. file];
            var best = WhatIfRow.BestOf(cases);
            return cases.Select(result => new WhatIfRecord(result, cases[0], best));
        }),
    ];

    private static double? Ratio(double value, double first) => first == 0 ? null : Math.Round(value / first, 4);
}
