using IommuKit.Lab.Replay;

namespace IommuKit.Lab.Tests.Replay;

public class LatencyHistogramTests
{
    [Fact]
    public void Percentiles_are_within_a_64th_of_the_exact_ones()
    {
        var random = new Random(7);
        var histogram = new LatencyHistogram();
        double[] values = [.. Enumerable.Range(0, 10_000).Select(_ => Math.Round(Math.Exp(random.NextDouble() * 14), 3))];
        foreach (double value in values)
        {
            histogram.Add(value);
        }

        Array.Sort(values);
        foreach (double share in (double[])[0.01, 0.5, 0.9, 0.99, 0.999, 1])
        {
            double exact = values[(int)Math.Ceiling(share * values.Length) - 1];
            histogram.Percentile(share).ShouldBeInRange(exact * 0.999, (exact * (1 + (1.0 / 64))) + 0.001);
        }

        histogram.Count.ShouldBe(10_000);
        histogram.MaxMicroseconds.ShouldBe(values[^1]);
        histogram.Percentile(1).ShouldBe(values[^1]);
    }

    [Fact]
    public void Extremes_are_counted()
    {
        var histogram = new LatencyHistogram();
        histogram.Percentile(0.5).ShouldBe(0);
        histogram.Add(0);
        histogram.Percentile(0.5).ShouldBe(0);
        histogram.Add(1e15);
        histogram.Percentile(1).ShouldBeGreaterThan(4e15 / 1000);
        histogram.Count.ShouldBe(2);
    }
}
