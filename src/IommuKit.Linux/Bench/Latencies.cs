namespace IommuKit.Linux.Bench;

/// <summary>What samples of an operation say, in nanoseconds.</summary>
/// <param name="Samples">How many there are.</param>
/// <param name="Average">Their mean.</param>
/// <param name="StandardDeviation">How far they are from it, as the root of the mean square.</param>
/// <param name="Least">The shortest.</param>
/// <param name="Median">The one that half of them do not exceed.</param>
/// <param name="P90">The one that nine in ten do not exceed; null of fewer than 10.</param>
/// <param name="P99">The one that 99 in a hundred do not exceed; null of fewer than 100.</param>
/// <param name="Most">The longest.</param>
internal sealed record Latencies(
    int Samples, double Average, double StandardDeviation, double Least, double Median, double? P90, double? P99, double Most)
{
    /// <summary>Sums samples up.</summary>
    /// <param name="nanoseconds">At least one.</param>
    public static Latencies Of(IEnumerable<double> nanoseconds)
    {
        double[] sorted = [.. nanoseconds.Order()];
        double average = sorted.Average();
        return new Latencies(
            sorted.Length,
            average,
            Math.Sqrt(sorted.Sum(one => (one - average) * (one - average)) / sorted.Length),
            sorted[0],
            Rank(sorted, 50),
            sorted.Length < 10 ? null : Rank(sorted, 90),
            sorted.Length < 100 ? null : Rank(sorted, 99),
            sorted[^1]);
    }

    /// <summary>The least sample that so many in a hundred do not exceed.</summary>
    private static double Rank(double[] sorted, int percent) => sorted[(((sorted.Length * percent) + 99) / 100) - 1];
}
