using IommuKit.Domains;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Replay;

/// <summary>A trace under one policy on one machine.</summary>
/// <param name="Trace">What is in the trace.</param>
/// <param name="Iommu">The machine.</param>
/// <param name="Policy">The policy.</param>
/// <param name="Counts">The operations in all.</param>
/// <param name="VirtualMicroseconds">Virtual time in all.</param>
/// <param name="MapLatency">Virtual time of each map.</param>
/// <param name="UnmapLatency">Virtual time of each unmap.</param>
/// <param name="Skipped">What was not replayed, and why.</param>
public sealed record ReplayResult(
    TraceSummary Trace,
    string Iommu,
    SyncPolicy Policy,
    OperationCounts Counts,
    double VirtualMicroseconds,
    LatencyHistogram MapLatency,
    LatencyHistogram UnmapLatency,
    IReadOnlyList<SkippedEvents> Skipped)
{
    /// <summary>Events that were not replayed, or not wholly.</summary>
    public long SkippedCount => Skipped.Sum(skipped => skipped.Count);
}
