using System.Text.Json.Serialization;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay.Devices;
using IommuKit.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>A trace under one policy on one machine.</summary>
/// <param name="Trace">What is in the trace.</param>
/// <param name="Iommu">The machine.</param>
/// <param name="Policy">The policy in force.</param>
/// <param name="Tuning">How the driver was tuned.</param>
/// <param name="Costs">The name of the costs.</param>
/// <param name="Counts">The operations in all.</param>
/// <param name="VirtualMicroseconds">Virtual time in all.</param>
/// <param name="MapLatency">Virtual time of each map.</param>
/// <param name="UnmapLatency">Virtual time of each unmap.</param>
/// <param name="Skipped">What was not replayed, and why.</param>
/// <param name="Sizes">Latencies by size; empty if they were not asked for.</param>
/// <param name="Series">The time series; empty if it was not asked for.</param>
/// <param name="Exposure">What unmaps left reachable, and for how long.</param>
public sealed record ReplayResult(
    TraceSummary Trace,
    string Iommu,
    SyncPolicy Policy,
    ReplayTuning Tuning,
    string Costs,
    OperationCounts Counts,
    double VirtualMicroseconds,
    LatencySummary MapLatency,
    LatencySummary UnmapLatency,
    IReadOnlyList<SkippedEvents> Skipped,
    IReadOnlyList<SizeLatency> Sizes,
    IReadOnlyList<SeriesPoint> Series,
    Exposure Exposure)
{
    /// <summary>Kinds of operation that were counted and that the costs say nothing of, so that they took no time.</summary>
    public IReadOnlyList<OperationKind> Unpriced { get; init; } = [];

    /// <summary>
    /// What the driver queued by kind and by the pages that each command names, without its set-up; empty where it has no queue.
    /// </summary>
    public IReadOnlyList<CommandCount> Commands { get; init; } = [];

    /// <summary>What a device's accesses took; null if none was asked for.</summary>
    public DeviceUsage? Device { get; init; }

    /// <summary>Whether the machine is of the kind that the trace was recorded on.</summary>
    public bool IsAsRecorded { get; init; }

    /// <summary>Whether it has also what else the trace shows of its IOMMU, and nothing special beside that.</summary>
    public bool HasTraits { get; init; }

    /// <summary>All virtual times of maps and of unmaps; null in a result that was read from a part of a sweep.</summary>
    [JsonIgnore]
    public (LatencyHistogram Maps, LatencyHistogram Unmaps)? Histograms { get; init; }

    /// <summary>Events that were not replayed, or not wholly.</summary>
    public long SkippedCount => Skipped.Sum(skipped => skipped.Count);

    /// <summary>
    /// The share of the trace's maps and unmaps that were replayed as a whole: skipped ones are not, nor those among the events that are lost, missing
    /// or damaged, which are taken to be of the kinds that the others are. Null if there are none.
    /// </summary>
    public double? Coverage
    {
        get
        {
            // VT-d's own events are maps and unmaps, but not among those that were read.
            long own = CountOf(SkipReason.VtdMapping);
            long damaged = CountOf(SkipReason.Damaged);
            long known = Trace.Maps + Trace.Unmaps + own;
            long unread = Saturating.Add(Saturating.Add(Trace.Lost, (ulong)Trace.Missing), (ulong)damaged);
            return known != 0
                ? Math.Clamp((double)(known - (SkippedCount - damaged)) / known, 0, 1) * TraceReader.ShareRead(known + Trace.Others, unread)
                : unread == 0 ? null : 0;
        }
    }

    private long CountOf(SkipReason reason) => Skipped.Where(skipped => skipped.Reason == reason).Sum(skipped => skipped.Count);
}
