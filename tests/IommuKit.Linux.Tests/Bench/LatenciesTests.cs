using IommuKit.Linux.Bench;

namespace IommuKit.Linux.Tests.Bench;

/// <summary>What samples say, by hand.</summary>
public class LatenciesTests
{
    [Fact]
    public void Percentiles_are_samples_and_those_that_there_are_too_few_for_are_missing()
    {
        var all = Latencies.Of(Enumerable.Range(1, 200).Select(i => (double)i).Reverse());
        all.Samples.ShouldBe(200);
        all.Average.ShouldBe(100.5);
        all.StandardDeviation.ShouldBe(Math.Sqrt(((200.0 * 200) - 1) / 12), 1e-9);
        all.Least.ShouldBe(1);
        all.Median.ShouldBe(100);
        all.P90.ShouldBe(180);
        all.P99.ShouldBe(198);
        all.Most.ShouldBe(200);

        var few = Latencies.Of([3, 1, 2]);
        few.Median.ShouldBe(2);
        few.P90.ShouldBeNull();
        few.P99.ShouldBeNull();
        Latencies.Of(Enumerable.Repeat(7.0, 10)).ShouldBe(new Latencies(10, 7, 0, 7, 7, 7, null, 7));
    }
}
