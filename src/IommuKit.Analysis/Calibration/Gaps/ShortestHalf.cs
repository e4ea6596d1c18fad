using MathNet.Numerics.Statistics;

namespace IommuKit.Analysis.Calibration.Gaps;

/// <summary>
/// Where most of some numbers are, whatever the others are: the mean of the half of them that lies closest together (the "shorth" of the Princeton
/// robustness study, Andrews et al. 1972). Almost half of the numbers may be anything.
/// </summary>
/// <remarks>
/// Gaps have a long tail on one side, from tasks that had something else to do. The mean follows the tail, and the median goes up with its share;
/// this stays where waits of the usual length are.
/// </remarks>
internal static class ShortestHalf
{
    /// <summary>The mean of the shortest half.</summary>
    /// <param name="sorted">The numbers, in order; at least one.</param>
    public static double MeanOf(ReadOnlySpan<long> sorted)
    {
        var (values, counts) = Distinct(sorted);
        return MeanOf(values, counts, sorted.Length);
    }

    /// <summary>The same of as many samples with replacement as are asked for.</summary>
    /// <param name="sorted">The numbers, in order; at least one.</param>
    /// <param name="resamples">How many samples.</param>
    /// <param name="seed">Where the random numbers start.</param>
    public static double[] Resample(ReadOnlySpan<long> sorted, int resamples, int seed)
    {
        var (values, counts) = Distinct(sorted);

        // Which of the distinct values each of the numbers is.
        int[] places = new int[sorted.Length];
        for (int value = 0, next = 0; value < values.Length; next += counts[value++])
        {
            places.AsSpan(next, counts[value]).Fill(value);
        }

        var random = new Random(seed);
        double[] means = new double[resamples];
        int[] drawn = new int[values.Length];
        for (int i = 0; i < resamples; i++)
        {
            Array.Clear(drawn);
            for (int draw = 0; draw < places.Length; draw++)
            {
                drawn[places[random.Next(places.Length)]]++;
            }

            means[i] = MeanOf(values, drawn, places.Length);
        }

        return means;
    }

    /// <summary>The 90 % interval of draws.</summary>
    public static Interval90 IntervalOf(double[] draws)
    {
        double[] sorted = [.. draws.Order()];
        return new Interval90(SortedArrayStatistics.Quantile(sorted, 0.05), SortedArrayStatistics.Quantile(sorted, 0.95));
    }

    private static double MeanOf(long[] values, int[] counts, int total)
    {
        int half = (total / 2) + 1;
        long shortest = long.MaxValue;
        double sum = 0;
        double mean = 0;
        int inside = 0;
        int equal = 0;
        for (int first = 0, end = 0; first < values.Length; first++)
        {
            for (; end < values.Length && inside < half; end++)
            {
                inside += counts[end];
                sum += (double)counts[end] * values[end];
            }

            if (inside < half)
            {
                break;
            }

            // A clock of coarse steps has several halves that are equally short: the mean of them all.
            long width = values[end - 1] - values[first];
            if (counts[first] != 0 && width <= shortest)
            {
                equal = width < shortest ? 1 : equal + 1;
                mean = width < shortest ? sum / inside : mean + (((sum / inside) - mean) / equal);
                shortest = width;
            }

            inside -= counts[first];
            sum -= (double)counts[first] * values[first];
        }

        return mean;
    }

    private static (long[] Values, int[] Counts) Distinct(ReadOnlySpan<long> sorted)
    {
        var values = new List<long>();
        var counts = new List<int>();
        foreach (long value in sorted)
        {
            if (values.Count != 0 && values[^1] == value)
            {
                counts[^1]++;
            }
            else
            {
                values.Add(value);
                counts.Add(1);
            }
        }

        return ([.. values], [.. counts]);
    }
}
