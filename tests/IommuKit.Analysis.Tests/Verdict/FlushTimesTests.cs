using IommuKit.Analysis.Verdict;

namespace IommuKit.Analysis.Tests.Verdict;

public sealed class FlushTimesTests
{
    private readonly FlushTimes _times = new();

    [Fact]
    public void A_flush_lasts_until_the_next_event_of_its_task_on_its_processor()
    {
        _times.Note(0, 7, 1000, isFlush: true);
        _times.Note(0, 8, 1100, isFlush: false);
        _times.Note(1, 7, 1200, isFlush: false);
        _times.Count.ShouldBe(0);
        _times.Open.ShouldBe(1);

        _times.Note(0, 7, 4000, isFlush: false);

        (_times.Count, _times.Open, _times.Sum, _times.TooLong).ShouldBe((1, 0, 3000, 0));
        _times.Gaps.Max.ShouldBe(3000);
    }

    [Fact]
    public void Flushes_one_after_the_other_are_each_measured()
    {
        _times.Note(0, 7, 0, isFlush: true);
        _times.Note(0, 7, 2000, isFlush: true);
        _times.Note(0, 7, 5000, isFlush: false);

        (_times.Count, _times.Sum).ShouldBe((2, 5000));
    }

    [Fact]
    public void A_gap_counts_with_no_more_than_the_cut_off()
    {
        _times.Note(0, 7, 0, isFlush: true);
        _times.Note(0, 7, FlushTimes.CutOff, isFlush: true);
        _times.Note(0, 7, (2 * FlushTimes.CutOff) + 1, isFlush: false);

        (_times.Count, _times.TooLong, _times.Sum).ShouldBe((2, 1, 2 * FlushTimes.CutOff));
    }

    [Fact]
    public void Of_a_burst_the_flushes_that_would_go_are_summed()
    {
        var bursts = new BurstFlushes();
        for (int i = 0; i < 3; i++)
        {
            long at = i * 10_000;
            ulong page = 0x10_0000ul * (ulong)(i + 1);
            _times.Note(0, 7, at, isFlush: false, bursts);
            bursts.Unmapped(page, page + 0xfff, at, cpu: 0);
            _times.Note(0, 7, at + 1000, isFlush: true, bursts);
        }

        // Two gaps are over; the third is of the flush that would stay.
        bursts.End();
        _times.Note(0, 7, 90_000, isFlush: false, bursts);

        bursts.ByBurst.Saved.ShouldBe(18_000);
        bursts.ByRange.Saved.ShouldBe(0);
    }

    [Fact]
    public void Where_all_gaps_of_a_burst_are_known_the_last_one_stays()
    {
        var bursts = new BurstFlushes();
        bursts.Unmapped(0, 0xfff, 0, cpu: 0);
        _times.Note(0, 7, 1000, isFlush: true, bursts);
        _times.Note(0, 7, 3000, isFlush: true, bursts);
        _times.Note(0, 7, 7000, isFlush: false, bursts);
        bursts.End();

        bursts.ByBurst.Saved.ShouldBe(2000);
    }

    /// <summary>Two processors flush in one burst, and the gap of the first ends after it.</summary>
    [Fact]
    public void Of_a_burst_one_flush_stays_however_late_the_others_ended()
    {
        var bursts = new BurstFlushes();
        bursts.Unmapped(0, 0xfff, 0, cpu: 0);
        _times.Note(0, 7, 1000, isFlush: true, bursts);
        bursts.Unmapped(0x10_0000, 0x10_0fff, 2000, cpu: 1);
        _times.Note(1, 8, 3000, isFlush: true, bursts);
        bursts.End();
        bursts.ByBurst.Saved.ShouldBe(0, "nothing is over yet");
        _times.Note(1, 8, 5000, isFlush: false, bursts);
        bursts.ByBurst.Saved.ShouldBe(0, "the last one stays");
        _times.Note(0, 7, 9000, isFlush: false, bursts);
        bursts.ByBurst.Saved.ShouldBe(8000);
    }

    /// <summary>By the place of the second, the length of the trace and what else there is.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(333_333_333)]
    [InlineData(999_999_999)]
    [InlineData(1_000_000_000_000)]
    public void The_busiest_second_is_found_wherever_it_is(long start)
    {
        for (int i = 0; i < 100; i++)
        {
            _times.Note(0, 7, i * 20_000_000L, isFlush: true);
            _times.Note(0, 7, (i * 20_000_000L) + 1000, isFlush: false);
        }

        for (int i = 0; i < 10_000; i++)
        {
            long at = 3_000_000_000 + start + (i * 100_000L);
            _times.Note(0, 7, at, isFlush: true);
            _times.Note(0, 7, at + 80_000, isFlush: false);
        }

        _times.Note(0, 7, 5_000_000_000_000, isFlush: true);
        _times.Note(0, 7, 5_000_000_001_000, isFlush: false);
        _times.SumOfBusiestSecond.ShouldBeInRange(792_000_000, 800_000_000);
    }

    [Fact]
    public void Too_many_gaps_above_the_cut_off_say_nothing()
    {
        for (int i = 0; i < 10; i++)
        {
            long at = i * 1_000_000;
            _times.Note(0, 7, at, isFlush: true);
            _times.Note(0, 7, at + (i < 2 ? FlushTimes.CutOff + 1 : 10), isFlush: false);
        }

        _times.IsVague.ShouldBeFalse();
        _times.Note(0, 7, 20_000_000, isFlush: true);
        _times.Note(0, 7, 30_000_000, isFlush: false);
        _times.IsVague.ShouldBeTrue();
    }

    [Fact]
    public void Across_a_loss_nothing_is_measured()
    {
        _times.Note(0, 7, 0, isFlush: true);
        _times.Break();
        _times.Note(0, 7, 1000, isFlush: false);

        (_times.Count, _times.Open, _times.Sum).ShouldBe((0, 1, 0));
    }

    [Fact]
    public void A_clock_that_goes_back_takes_nothing_away()
    {
        _times.Note(0, 7, 1000, isFlush: true);
        _times.Note(0, 7, 900, isFlush: false);

        (_times.Count, _times.Sum).ShouldBe((1, 0));
    }
}
