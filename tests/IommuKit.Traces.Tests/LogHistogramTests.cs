using FsCheck;
using FsCheck.Fluent;

namespace IommuKit.Traces.Tests;

public class LogHistogramTests
{
    /// <summary>Where all numbers are of whole microseconds, so are their percentiles.</summary>
    [Fact]
    public void A_percentile_is_a_number_that_was_counted()
    {
        var histogram = new LogHistogram();
        for (int us = 8; us <= 12; us++)
        {
            histogram.Add(us * 1000);
        }

        histogram.Percentile(0.5).ShouldBe(10_000);
        histogram.Percentile(1).ShouldBe(12_000);
    }

    [Fact]
    public void It_is_that_of_the_sorted_numbers_to_one_part_in_64() =>
        Prop.ForAll<NonNegativeInt[], byte>(IsNear).QuickCheckThrowOnFailure();

    private static bool IsNear(NonNegativeInt[] numbers, byte part)
    {
        var histogram = new LogHistogram();
        int[] sorted = [.. numbers.Select(number => (number.Get * 7919) & int.MaxValue).Order()];
        foreach (int number in sorted)
        {
            histogram.Add(number);
        }

        double share = part / 255.0;
        long told = histogram.Percentile(share);
        if (sorted.Length == 0)
        {
            return told == 0;
        }

        long exact = sorted[Math.Max(1, (int)Math.Ceiling(share * sorted.Length)) - 1];
        return told >= exact && told <= exact + (exact / 64) && sorted.Contains((int)told);
    }
}
