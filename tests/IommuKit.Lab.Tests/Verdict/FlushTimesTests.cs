using IommuKit.Lab.Verdict;

namespace IommuKit.Lab.Tests.Verdict;

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
