using IommuKit.Analysis.Verdict;
using IommuKit.Traces;

namespace IommuKit.Cli.Output;

/// <summary>A way to flush, in the results of a verdict.</summary>
internal sealed class FlushOptionRecord(FlushOption option)
{
    public string Option => Names.Of(option.Kind);

    public long? Flushes => option.Flushes;

    public long? SavedNanoseconds => option.SavedNanoseconds;

    public long? ReachablePagesP99 => Of(option.Pages, 0.99);

    public long? ReachablePagesMax => option.Pages?.Max;

    public long? ReachableNanosecondsP99 => Of(option.Nanoseconds, 0.99);

    public long? ReachableNanosecondsMax => option.Nanoseconds is { Count: not 0 } times ? times.Max : null;

    private static long? Of(LogHistogram? histogram, double share) => histogram is { Count: not 0 } ? histogram.Percentile(share) : null;
}
