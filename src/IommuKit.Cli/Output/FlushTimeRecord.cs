using IommuKit.Analysis.Verdict;

namespace IommuKit.Cli.Output;

/// <summary>How long flushes took at most, in the results of a verdict.</summary>
internal sealed class FlushTimeRecord(FlushTimes times, double? share)
{
    public long AtMostNanoseconds => times.Sum;

    public double? ShareOfProcessors => share;

    public long Gaps => times.Count;

    public long GapsAboveCutOff => times.TooLong;

    public long CutOffNanoseconds => times.MostPerFlush;

    public long FlushesWithoutNextEvent => times.Open;

    public long P50Nanoseconds => times.Gaps.Percentile(0.5);

    public long P99Nanoseconds => times.Gaps.Percentile(0.99);
}
