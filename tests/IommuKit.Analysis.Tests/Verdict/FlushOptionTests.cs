using IommuKit.Analysis.Verdict;

namespace IommuKit.Analysis.Tests.Verdict;

/// <summary>How often other ways to flush would, and what they leave reachable.</summary>
public sealed class FlushOptionTests
{
    private const ulong Page = 4096;
    private const long Millisecond = 1_000_000;

    [Fact]
    public void A_burst_is_unmaps_without_a_map_or_a_pause_between()
    {
        var bursts = new BurstFlushes();
        bursts.Unmapped(0, Page - 1, 0, cpu: 0);
        bursts.Unmapped(8 * Page, (9 * Page) - 1, Millisecond, cpu: 0);
        bursts.Unmapped(16 * Page, (18 * Page) - 1, (2 * Millisecond) + 1, cpu: 0);
        bursts.Unmapped(32 * Page, (33 * Page) - 1, (2 * Millisecond) + 2, cpu: 0);
        bursts.End();
        bursts.End();

        bursts.ByBurst.Flushes.ShouldBe(2);
        bursts.ByBurst.Pages.Max.ShouldBe(3);
        bursts.ByBurst.Nanoseconds.Max.ShouldBe(Millisecond);
        bursts.ByRange.Flushes.ShouldBe(4);
        bursts.ByRange.Nanoseconds.Max.ShouldBe(0);
    }

    [Fact]
    public void Unmaps_that_follow_each_other_upwards_or_downwards_are_one_range()
    {
        var bursts = new BurstFlushes();
        bursts.Unmapped(4 * Page, (5 * Page) - 1, 0, cpu: 0);
        bursts.Unmapped(5 * Page, (6 * Page) - 1, 10, cpu: 0);
        bursts.Unmapped(3 * Page, (4 * Page) - 1, 20, cpu: 0);
        bursts.Unmapped(Page, (2 * Page) - 1, 30, cpu: 0);
        bursts.Unmapped(ulong.MaxValue - Page + 1, ulong.MaxValue, 40, cpu: 0);
        bursts.Unmapped(0, Page - 1, 50, cpu: 0);
        bursts.End();

        bursts.ByRange.Flushes.ShouldBe(4);
        bursts.ByRange.Pages.Max.ShouldBe(3);
        bursts.ByRange.Nanoseconds.Max.ShouldBe(20);
        bursts.ByBurst.Flushes.ShouldBe(1);
    }

    [Fact]
    public void Linux_flushes_when_a_processors_ring_is_full()
    {
        var lazy = new LazyFlushes();
        for (int i = 0; i < 2 * LazyFlushes.RingCapacity; i++)
        {
            lazy.Unmapped(i & 1, -1, Page);
        }

        lazy.Result.Flushes.ShouldBe(0);
        lazy.Unmapped(0, -1, Page);
        lazy.Result.Flushes.ShouldBe(1);
        lazy.Result.Pages.Max.ShouldBe(2 * LazyFlushes.RingCapacity);
        lazy.Finish();
        lazy.Result.Flushes.ShouldBe(2);
        lazy.Result.Nanoseconds.Count.ShouldBe(0);
    }

    [Fact]
    public void Linux_flushes_10_ms_after_the_first_unmap()
    {
        var lazy = new LazyFlushes();
        lazy.Unmapped(0, 0, Page);
        lazy.Unmapped(0, LazyFlushes.TimerNanoseconds - 1, 3 * Page);
        lazy.Unmapped(0, LazyFlushes.TimerNanoseconds, Page);
        lazy.Finish();

        lazy.Result.Flushes.ShouldBe(2);
        lazy.Result.Pages.Max.ShouldBe(4);
        lazy.Result.Nanoseconds.Max.ShouldBe(LazyFlushes.TimerNanoseconds);
        lazy.Result.Nanoseconds.Count.ShouldBe(3);
    }

    [Fact]
    public void The_timer_goes_on_though_a_ring_was_full()
    {
        var lazy = new LazyFlushes();
        for (int i = 0; i <= LazyFlushes.RingCapacity; i++)
        {
            lazy.Unmapped(0, i, Page);
        }

        lazy.Result.Flushes.ShouldBe(1);
        lazy.Unmapped(0, LazyFlushes.TimerNanoseconds, Page);

        lazy.Result.Flushes.ShouldBe(2);
    }

    /// <summary>What was recorded took as long as the driver did, and so does what is compared with it.</summary>
    [Fact]
    public void A_group_is_reachable_until_the_recorded_flush_of_its_last_unmap()
    {
        var group = new GroupedFlushes();
        group.Add(0, Page, cpu: 0);
        group.Flushed(0, 5);
        group.Add(10, Page, cpu: 0);
        group.Flushed(0, 40);
        group.Flush(10);
        group.Nanoseconds.Max.ShouldBe(40);

        // The flush of the last one comes while another processor has begun the next group.
        group.Add(100, Page, cpu: 0);
        group.Flush(100);
        group.Add(110, 2 * Page, cpu: 1);
        group.Flushed(1, 120);
        group.Flushed(0, 170);
        group.Nanoseconds.Max.ShouldBe(70);
        group.Pages.Max.ShouldBe(3);
        group.Flush(110);
        group.Flushes.ShouldBe(3);
        group.Nanoseconds.Count.ShouldBe(4);
    }

    [Fact]
    public void A_flush_that_never_comes_is_not_waited_for()
    {
        var group = new GroupedFlushes();
        group.Add(0, Page, cpu: 0);
        group.Flushed(0, 1);
        group.Flush(0);
        group.Add(10, Page, cpu: 0);
        group.Flush(10);
        group.Add(1_000, Page, cpu: 0);
        group.Flush(1_000);
        group.Finish();
        (group.Flushes, group.Nanoseconds.Count, group.Nanoseconds.Max, group.Pages.Max).ShouldBe((3, 3, 1, 1));
    }

    [Fact]
    public void Fewer_flushes_never_look_safer_than_what_was_recorded()
    {
        foreach (string name in (string[])["vfio-edu", "vfio-edu-cm"])
        {
            var options = Judge.Run(RepositoryFiles.InRepository("samples", $"{name}.trace.gz")).Options;
            var recorded = options.Single(option => option.Kind == FlushOptionKind.Recorded);
            foreach (var kind in (FlushOptionKind[])[FlushOptionKind.Range, FlushOptionKind.Burst])
            {
                var option = options.Single(one => one.Kind == kind);
                option.Nanoseconds!.Percentile(0.99).ShouldBeGreaterThanOrEqualTo(recorded.Nanoseconds!.Percentile(0.99), $"{name}, {kind}");
            }
        }
    }

    [Fact]
    public void An_unmap_of_less_than_a_page_reaches_one()
    {
        var group = new GroupedFlushes();
        group.Flush(5);
        group.Flushes.ShouldBe(0);
        group.Add(1, 1, cpu: 0);
        group.Flush(5);

        (group.Flushes, group.Pages.Max, group.Nanoseconds.Max).ShouldBe((1, 1, 4));
    }
}
