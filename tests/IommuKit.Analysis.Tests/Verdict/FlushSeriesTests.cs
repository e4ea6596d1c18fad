using IommuKit.Analysis.Verdict;

namespace IommuKit.Analysis.Tests.Verdict;

public sealed class FlushSeriesTests
{
    private readonly FlushSeries _series = new();

    [Fact]
    public void Nothing_has_no_intervals()
    {
        _series.Count.ShouldBe(0);
        _series.Start.ShouldBe(-1);
    }

    [Fact]
    public void Intervals_are_counted_from_the_first_event_to_the_last()
    {
        _series.Note(5000);
        _series.Unmapped(5000 + _series.Width);
        _series.Flushed(5000 + _series.Width, 300);
        _series.Flushed(5000 + _series.Width, 200);
        _series.Note(5000 + (3 * _series.Width));

        _series.Start.ShouldBe(5000);
        _series.Bins.ToArray().ShouldBe([default, new FlushBin(1, 2, 500, 300), default, default]);
    }

    [Fact]
    public void What_lies_between_the_events_around_a_loss_is_marked()
    {
        _series.Note(0);
        _series.Note(2 * _series.Width);
        _series.Lost();
        _series.Note(4 * _series.Width);
        _series.Note(6 * _series.Width);

        _series.Bins.ToArray().Select(bin => bin.HasLoss).ShouldBe([false, false, true, true, true, false, false]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(977)]
    [InlineData(1_000_003)]
    public void However_long_it_grows_the_intervals_stay_few_and_lose_nothing(long step)
    {
        const int Count = 20_000;
        for (long i = 0; i < Count; i++)
        {
            _series.Unmapped(i * step);
            _series.Flushed(i * step, i % 100);
        }

        _series.Count.ShouldBeInRange(1, FlushSeries.MaxBins);
        _series.Count.ShouldBe((int)((Count - 1) * step / _series.Width) + 1);
        var bins = _series.Bins.ToArray();
        bins.Sum(bin => bin.Unmaps).ShouldBe(Count);
        bins.Sum(bin => bin.Flushes).ShouldBe(Count);
        bins.Sum(bin => bin.Nanoseconds).ShouldBe(Count / 100 * 4950);
        bins.Max(bin => bin.Longest).ShouldBe(99);

        // Equal in each, but for the last.
        bins[..^1].ShouldAllBe(bin => Math.Abs(bin.Unmaps - ((double)_series.Width / step)) <= 1);
    }

    [Fact]
    public void Times_that_no_clock_has_are_followed_too()
    {
        _series.Unmapped(1000);
        _series.Unmapped(0);
        _series.Unmapped(long.MaxValue);

        _series.Bins[0].Unmaps.ShouldBe(2);
        _series.Bins[^1].Unmaps.ShouldBe(1);
        _series.Count.ShouldBeLessThanOrEqualTo(FlushSeries.MaxBins);
    }
}
