using IommuKit.Traces.Audit;

namespace IommuKit.Traces.Tests.Audit;

/// <summary>What an audit is made of, each part by itself at the ends of what it keeps.</summary>
public class AuditPartsTests
{
    [Theory]
    [InlineData(1_000_000, 1)]
    [InlineData(1_000_001, 0)]
    public void A_burst_has_pauses_of_at_most_a_millisecond(long pause, long saved)
    {
        var bursts = new Bursts();
        bursts.Unmapped(5, 1);
        bursts.Invalidated(10, 1);
        bursts.Unmapped(5 + pause, 2);
        bursts.Invalidated(20, 2);
        bursts.End();
        (bursts.Saved.Count, bursts.Saved.Cost).ShouldBe((saved, saved));
    }

    [Fact]
    public void An_invalidation_for_what_was_unmapped_before_is_no_part_of_a_burst()
    {
        var bursts = new Bursts();
        bursts.Invalidated(1, 9);
        bursts.Unmapped(-1, 5);
        bursts.Invalidated(2, 4);
        bursts.Invalidated(3, 5);
        bursts.Unmapped(-1, 6);
        bursts.Invalidated(4, 6);
        bursts.Unmapped(-1, 7);
        bursts.Invalidated(5, 7);
        bursts.End();
        (bursts.Saved.FirstLine, bursts.Saved.Cost, bursts.Longest).ShouldBe((3L, 2L, 3L));
        bursts.Unmapped(-1, 8);
        bursts.Invalidated(6, 8);
        bursts.Invalidated(7, 8);
        bursts.End();
        bursts.End();
        (bursts.Saved.Count, bursts.Saved.Cost, bursts.Longest).ShouldBe((2L, 3L, 3L));
    }

    [Fact]
    public void Sixteen_invalidations_wait_for_their_unmap()
    {
        var ahead = new InvalidationsAhead();
        for (ulong number = 1; number <= 16; number++)
        {
            ahead.Add(Pages(number << 12, 1, (long)number), 1);
        }

        ahead.Needless.Count.ShouldBe(0);
        ahead.Add(Pages(17 << 12, 1, 17), 1);
        (ahead.Needless.Count, ahead.Needless.FirstLine).ShouldBe((1L, 1L));
        ahead.TryTake(0x1000, 0x1fff, out _).ShouldBeFalse();
        ahead.TryTake(0, 0x3fff, out var first).ShouldBeTrue();
        first.Line.ShouldBe(2);
        ahead.Age(65);
        ahead.Needless.Count.ShouldBe(1);
        ahead.Age(66);
        ahead.Needless.Count.ShouldBe(16);
        ahead.TryTake(0, ulong.MaxValue, out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData(0x0ul, 0xffful, false)]
    [InlineData(0x0ul, 0x1000ul, true)]
    [InlineData(0x1800ul, 0x1810ul, true)]
    [InlineData(0x2ffful, 0x5000ul, true)]
    [InlineData(0x3000ul, 0x5000ul, false)]
    public void What_waits_is_found_by_any_byte_of_it(ulong first, ulong last, bool isFound)
    {
        var ahead = new InvalidationsAhead();
        ahead.Add(Pages(0x1000, 2, 7), 1);
        ahead.TryTake(first, last, out var found).ShouldBe(isFound);
        found.Line.ShouldBe(isFound ? 7 : 0);
        ahead.Mapped(first, last);
        ahead.Needless.Count.ShouldBe(0);
        ahead.Finish();
        ahead.Needless.Count.ShouldBe(isFound ? 0 : 1);
    }

    [Theory]
    [InlineData(8, true)]
    [InlineData(9, false)]
    public void Eight_maps_are_remembered_each_for_one_invalidation(int maps, bool isFound)
    {
        var runs = new MapRuns();
        for (ulong number = 1; number <= (ulong)maps; number++)
        {
            runs.Add(number << 16, (number << 16) + 0xfff);
        }

        runs.TryTake(1 << 16, (1 << 16) + 0xfff).ShouldBe(isFound);
        runs.TryTake(1 << 16, (1 << 16) + 0xfff).ShouldBeFalse();
        runs.TryTake(2 << 16, (2 << 16) + 0xfff).ShouldBeTrue();
        runs.Clear();
        runs.TryTake(3 << 16, (3 << 16) + 0xfff).ShouldBeFalse();
    }

    /// <summary>Maps that continue each other are one, unless the first was invalidated before.</summary>
    [Fact]
    public void Maps_that_continue_each_other_are_one()
    {
        var runs = new MapRuns();
        runs.Add(0, 0xfff);
        runs.Add(0x1000, 0x1fff);
        runs.TryTake(0, 0xfff).ShouldBeFalse();
        runs.TryTake(0, 0x1fff).ShouldBeTrue();
        runs.Add(0x2000, 0x2fff);
        runs.TryTake(0x2000, 0x2fff).ShouldBeTrue();
    }

    [Theory]
    [InlineData(0x1000ul, 0x1ffful, 0x1000ul, 0x1ffful, true)]
    [InlineData(0x1000ul, 0x1ffful, 0x0ul, 0x1ffful, false)]
    [InlineData(0x1000ul, 0x2ffful, 0x0ul, 0x3ffful, true)]
    [InlineData(0x2000ul, 0x3ffful, 0x2000ul, 0x3ffful, true)]
    [InlineData(0x2000ul, 0x2ffful, 0x2000ul, 0x3ffful, false)]
    [InlineData(0x7000ul, 0x8ffful, 0x0ul, 0xffful, false)]
    [InlineData(0x7000ul, 0x8ffful, 0x0ul, 0xfffful, true)]
    [InlineData(0x5ul, 0x5ul, 0x5ul, 0x5ul, true)]
    [InlineData(0x0ul, ulong.MaxValue, 0x0ul, ulong.MaxValue, true)]
    public void VTd_rounds_to_the_smallest_aligned_power_of_two(ulong first, ulong last, ulong roundedFirst, ulong roundedLast, bool isRounding) =>
        MapRuns.IsRounding(first, last, roundedFirst, roundedLast).ShouldBe(isRounding);

    [Theory]
    [InlineData(9, 10, 1, 0)]
    [InlineData(10, 10, 0, 1)]
    [InlineData(10, 9, 1, 0)]
    public void An_invalidation_at_the_time_of_the_map_is_a_tie(long map, long invalidation, long early, long ties)
    {
        var reuses = new EarlyReuses();
        reuses.Add(0x1000, 0x1fff, map, 3, 1);
        reuses.At(invalidation);
        reuses.Invalidated(Pages(0x1000, 1, 4, invalidation));
        reuses.Finish();
        (reuses.Early.Count, reuses.Ties).ShouldBe((early, ties));
    }

    [Theory]
    [InlineData(0x0ul, 0xffful, 0)]
    [InlineData(0x0ul, 0x1000ul, 1)]
    [InlineData(0x1ffful, 0x4000ul, 1)]
    [InlineData(0x2000ul, 0x4000ul, 0)]
    public void A_tie_is_with_an_invalidation_of_the_same_pages(ulong first, ulong last, long ties)
    {
        var reuses = new EarlyReuses();
        reuses.Add(first, last, 10, 3, 1);
        reuses.Invalidated(Pages(0x1000, 1, 4, 10));
        reuses.Ties.ShouldBe(ties);
    }

    [Theory]
    [InlineData(64, 0, 64)]
    [InlineData(65, 64, 1)]
    public void Sixty_four_maps_of_one_time_are_kept(int maps, long early, long ties)
    {
        var reuses = new EarlyReuses();
        for (int number = 0; number < maps; number++)
        {
            reuses.Add(0x1000, 0x1fff, 10, number, 1);
        }

        reuses.Invalidated(Pages(0x1000, 1, 4, 10));
        reuses.Finish();
        (reuses.Early.Count, reuses.Ties).ShouldBe((early, ties));
    }

    [Theory]
    [InlineData(0x0ul, 0x1f_fffful, true)]
    [InlineData(0x0ul, 0x1f_effful, false)]
    [InlineData(0x1000ul, 0x3f_effful, false)]
    [InlineData(0x1000ul, 0x3f_fffful, true)]
    [InlineData(0x1f_f000ul, 0x40_0ffful, true)]
    [InlineData(0xffff_ffff_ffe0_0000ul, ulong.MaxValue, true)]
    [InlineData(0xffff_ffff_ffe0_1000ul, ulong.MaxValue, false)]
    [InlineData(0xffff_ffff_ffdf_f000ul, ulong.MaxValue, true)]
    [InlineData(0xffff_ffff_ffc0_1000ul, 0xffff_ffff_ffff_efff, false)]
    [InlineData(0x0ul, ulong.MaxValue, true)]
    public void A_table_can_be_freed_where_its_2_MiB_are_unmapped(ulong first, ulong last, bool canBeFreed) =>
        TableBlocks.CanBeFreed(first, last).ShouldBe(canBeFreed);

    [Theory]
    [InlineData(0x0ul, 0x0ul, 1ul)]
    [InlineData(0x1f_fffful, 0x20_0000ul, 2ul)]
    [InlineData(0x20_0000ul, 0x3f_fffful, 1ul)]
    [InlineData(0x0ul, ulong.MaxValue, 1ul << 43)]
    public void Blocks_are_counted(ulong first, ulong last, ulong blocks) => TableBlocks.CountIn(first, last).ShouldBe(blocks);

    [Theory]
    [InlineData(0x1f_ffful, false)]
    [InlineData(0x20_0000ul, true)]
    [InlineData(0x3f_fffful, true)]
    [InlineData(0x40_0000ul, false)]
    public void A_block_is_in_use_by_any_of_its_pages(ulong iova, bool isInUse)
    {
        var live = new SummedSet();
        live.Add(0x30_0000, 0x30_0fff);
        TableBlocks.IsInUse(live, iova).ShouldBe(isInUse);
    }

    [Fact]
    public void A_tally_has_the_first_line_though_it_comes_later()
    {
        var tally = new Tally();
        tally.Add(5, 2);
        tally.Add(3, ulong.MaxValue);
        tally.Add(4, 1);
        (tally.Count, tally.FirstLine, tally.Cost).ShouldBe((3L, 3L, long.MaxValue));
    }

    [Fact]
    public void Distances_of_reuse_end_at_the_first_map_and_when_events_are_missing()
    {
        var reuse = new ReuseDistances();
        reuse.Unmapped(0x1000, 1);
        reuse.Unmapped(0x2000, 2);
        reuse.Mapped(0x1000, 4);
        reuse.Mapped(0x1000, 9);
        (reuse.Distances.Count, reuse.Distances.Max).ShouldBe((1L, 3L));
        reuse.Unmapped(0x2000, 10);
        reuse.Mapped(0x2000, 11);
        reuse.Distances.Count.ShouldBe(2);
        reuse.Distances.Max.ShouldBe(3);
        reuse.Unmapped(0x3000, 12);
        reuse.Forget();
        reuse.Mapped(0x3000, 13);
        reuse.Distances.Count.ShouldBe(2);
    }

    [Fact]
    public void The_reuse_of_a_million_iovas_is_followed_and_of_no_more()
    {
        const ulong most = 1 << 20;
        var reuse = new ReuseDistances();
        for (ulong page = 0; page < most; page++)
        {
            reuse.Unmapped(page << 12, 1);
        }

        reuse.Unmapped(0, 2);
        reuse.IsPartial.ShouldBeFalse();
        reuse.Unmapped(most << 12, 3);
        reuse.IsPartial.ShouldBeTrue();
    }

    /// <summary>The set of stale pages against one unmap for each page, in random ranges that overlap.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Stale_pages_agree_with_a_table_of_numbers(int seed)
    {
        const int space = 60;
        var random = new Random(seed);
        var stale = new StaleSet();
        int[] owner = new int[space];
        long superseded = 0;
        for (int step = 1; step < 4000; step++)
        {
            int first = random.Next(space);
            int last = Math.Min(space - 1, first + random.Next(12));
            int[] there = [.. owner[first..(last + 1)].Where(one => one != 0)];
            stale.BytesIn((ulong)first, (ulong)last).ShouldBe((ulong)there.Length);
            if (random.Next(3) != 0)
            {
                Array.Fill(owner, step, first, last - first + 1);
                superseded += there.Distinct().Count(one => !owner.Contains(one));
                stale.Add((ulong)first, (ulong)last, new StaleUnmap(step, -1, step, step, (ulong)(last - first + 1)));
                stale.Superseded.ShouldBe(superseded);
            }
            else
            {
                int taken = 0;
                while (stale.TryTake((ulong)first, (ulong)last, out var piece, out var unmap))
                {
                    for (ulong at = piece.First; at <= piece.Last; at++)
                    {
                        ((long)owner[at]).ShouldBe(unmap.Number);
                        owner[at] = 0;
                        taken++;
                    }

                    unmap.Remaining.ShouldBe((ulong)owner.Count(one => one == unmap.Number));
                }

                taken.ShouldBe(there.Length);
            }

            stale.Unmaps.ShouldBe(owner.Where(one => one != 0).Distinct().Count());
            stale.Bytes.ShouldBe((ulong)owner.Count(one => one != 0));
        }

        int left = stale.Unmaps;
        stale.GiveUp();
        (stale.GivenUp, stale.IsEmpty, stale.Unmaps).ShouldBe((left, true, 0));
    }

    private static Invalidation Pages(ulong iova, ulong pages, long line, long nanoseconds = -1)
    {
        var flush = new TraceEvent(TraceEventKind.CacheTagFlush, line, nanoseconds, iova, 0, pages << 12);
        Invalidation.TryGet(flush, out var invalidation).ShouldBeTrue();
        return invalidation;
    }
}
