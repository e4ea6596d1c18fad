namespace IommuKit.Lab.Replay;

/// <summary>What is known of many durations, in microseconds of virtual time.</summary>
/// <param name="Count">How many.</param>
/// <param name="P50">The median, to one part in 64.</param>
/// <param name="P90">The duration that nine of ten do not exceed, to one part in 64.</param>
/// <param name="P99">The duration that 99 of 100 do not exceed, to one part in 64.</param>
/// <param name="Max">The longest, exactly.</param>
public sealed record LatencySummary(long Count, double P50, double P90, double P99, double Max)
{
    /// <summary>Sums durations up.</summary>
    public static LatencySummary Of(LatencyHistogram histogram)
    {
        ArgumentNullException.ThrowIfNull(histogram);
        return new LatencySummary(
            histogram.Count, histogram.Percentile(0.5), histogram.Percentile(0.9), histogram.Percentile(0.99), histogram.MaxMicroseconds);
    }
}
