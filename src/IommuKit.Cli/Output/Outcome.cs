using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>All that a case of a replay came to: cases with equal ones are told as one.</summary>
internal sealed record Outcome(
    string Iommu,
    OperationCounts Counts,
    double VirtualMicroseconds,
    LatencySummary MapLatency,
    LatencySummary UnmapLatency,
    long Skipped,
    Exposure Exposure,
    bool PromisesAll)
{
    /// <summary>What a case came to.</summary>
    public static Outcome Of(ReplayResult result) => new(
        result.Iommu,
        result.Counts,
        result.VirtualMicroseconds,
        result.MapLatency,
        result.UnmapLatency,
        result.SkippedCount,
        result.Exposure,
        result.Policy.IsFull());

    /// <summary>The names of policies with the same outcome.</summary>
    public static string NamesOf(IEnumerable<SyncPolicy> policies) => string.Join(", ", policies.Distinct().Select(Promises.Marked));
}
