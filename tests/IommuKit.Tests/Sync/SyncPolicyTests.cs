using IommuKit.Domains;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Sync;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Sync;

/// <summary>What each policy asks of hardware with given traits: footprint × traits × policy.</summary>
public sealed class SyncPolicyTests : RecordedSync
{
    [Theory]
    [InlineData(SyncPolicy.PerPage)]
    [InlineData(SyncPolicy.SplitSync)]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.Deferred)]
    [InlineData(SyncPolicy.Explicit)]
    public void A_map_on_a_coherent_walker_without_negative_caching_asks_for_nothing(SyncPolicy policy)
    {
        using var domain = Make(Coherent, policy, out var log, out _);
        domain.Map(0, 0, 3 * Span, ReadWrite);
        domain.Flush();
        log.Calls.ShouldBeEmpty();
    }

    [Fact]
    public void A_flush_without_direction_wastes_tlb_work_on_map()
    {
        using var domain = Make(Coherent, SyncPolicy.RangeFlush, out var log, out _);
        domain.Map(0, 0, Page, ReadWrite);
        log.Calls.Clear();
        domain.Map(Page, 0, 4 * Page, ReadWrite);
        log.Calls.ShouldBe(["barrier", "begin", "tlb 0x1000 0x4000 0xc", "submit", "wait"]);
    }

    [Fact]
    public void A_map_on_a_walker_that_does_not_snoop_needs_only_a_clean()
    {
        using var domain = Make(NotCoherent, SyncPolicy.SplitSync, out var log, out _);
        domain.Map(0, 0, Page, ReadWrite);
        log.Calls.Clear();
        domain.Map(Page, 0, 40 * Page, ReadWrite);
        log.Kinds.ShouldBe(["clean", "barrier"]);

        // 40 entries of 8 bytes after the first entry of a line: 6 lines.
        log.Calls[0].ShouldEndWith("0x180");
    }

    [Theory]
    [InlineData(SyncPolicy.SplitSync)]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.RangeFlush)]
    public void An_unmap_is_one_ordered_synchronisation(SyncPolicy policy)
    {
        using var domain = Make(CachingAll, policy, out var log, out _);
        domain.Map(0, 0, 64 * Page, ReadWrite);
        log.Calls.Clear();
        domain.Unmap(16 * Page, 32 * Page).ShouldBe(32 * Page);
        log.Kinds.ShouldBe(["clean", "barrier", "begin", "tables", "tlb", "submit", "wait"]);
        log.Calls.ShouldContain("tlb 0x10000 0x20000 0xc");
    }

    [Fact]
    public void Page_by_page_every_page_waits()
    {
        using var domain = Make(CachingAll, SyncPolicy.PerPage, out var log, out _);
        domain.Map(0, 0, Page, ReadWrite);
        log.Calls.Clear();
        domain.Map(Page, 0, 3 * Page, ReadWrite);
        string[] one = ["clean", "barrier", "begin", "tables", "tlb", "submit", "wait"];
        log.Kinds.ShouldBe([.. one, .. one, .. one]);
    }

    [Fact]
    public void A_driver_without_range_flush_goes_on_page_by_page()
    {
        var without = RecordingDriver.TraitsOf(isCoherent: false, cachesInvalid: true, tableCacheLine: 64, hasRangeFlush: false);
        using var asked = Make(without, SyncPolicy.RangeFlush, out var log, out _);
        asked.Policy.ShouldBe(SyncPolicy.PerPage);
        Exercise(asked);
        string[] calls = [.. log.Calls];

        using var before = Make(without, SyncPolicy.PerPage, out log, out _);
        Exercise(before);
        log.Calls.ShouldBe(calls);

        static void Exercise(IommuDomain domain)
        {
            domain.Map(Span - (2 * Page), 0, 5 * Page, ReadWrite);
            domain.Unmap(Span - (2 * Page), 5 * Page);
        }
    }

    [Fact]
    public void A_split_sync_covers_the_range_and_a_gather_what_was_stored()
    {
        foreach (var policy in (SyncPolicy[])[SyncPolicy.SplitSync, SyncPolicy.Gather])
        {
            using var domain = Make(CachingAll, policy, out var log, out _);
            domain.Map(0, 0, 4 * Page, ReadWrite);
            log.Calls.Clear();

            // A hole after four pages.
            domain.Unmap(0, 8 * Page).ShouldBe(4 * Page);
            log.Calls.ShouldContain(policy == SyncPolicy.SplitSync ? "tlb 0x0 0x8000 0xc" : "tlb 0x0 0x4000 0xc");
        }
    }

    [Fact]
    public void A_new_table_is_cleaned_before_it_is_linked_and_needs_no_leaf_flush()
    {
        using var domain = Make(CachingAll, SyncPolicy.Gather, out var log, out _);
        domain.Map(0, 0, Page, ReadWrite);
        log.Calls.Clear();
        domain.Map(Span, 0, 8 * Page, ReadWrite);

        // The table's page; then, when it is linked, the pointer; then old lines of the table's memory, and everything under the pointer.
        log.Kinds.ShouldBe(["clean", "barrier", "clean", "barrier", "begin", "tables", "tables", "walks", "submit", "wait"]);
        log.Calls[0].ShouldEndWith(" 0x1000");
        log.Calls[2].ShouldEndWith(" 0x40");
        log.Calls.Single(call => call.StartsWith("walks")).ShouldBe("walks 0x200000 0x200000 0xc");
    }

    [Fact]
    public void A_dropped_table_is_released_after_the_wait()
    {
        using var domain = Make(CachingAll, SyncPolicy.Gather, out var log, out var allocator);
        domain.Map(Span, 0, Span, ReadWrite);
        domain.Map(0, 0, Page, ReadWrite);
        long before = allocator.Outstanding;
        log.Calls.Clear();
        domain.Unmap(Span, Span).ShouldBe(Span);

        // The pointer's line before the lines of the table that it no longer reaches.
        log.Kinds.ShouldBe(["clean", "barrier", "begin", "tables", "tables", "walks", "submit", "wait"]);
        log.Calls.Where(call => call.StartsWith("tables")).Select(call => call.Split(' ')[2]).ShouldBe(["0x40", "0x1000"]);
        log.Calls.ShouldContain("walks 0x200000 0x200000 0xc");
        allocator.Outstanding.ShouldBe(before - 1);
    }

    [Fact]
    public void Runs_of_neighbouring_tables_are_one_range()
    {
        using var domain = Make(CachingAll, SyncPolicy.Gather, out var log, out _, TableRelease.Never);
        domain.Map(0, 0, 3 * Span, ReadWrite);
        log.Calls.Clear();
        domain.Unmap(Page, (3 * Span) - (2 * Page));
        log.Count("clean").ShouldBe(3);
        log.Count("barrier").ShouldBe(1);
        log.Calls.Where(call => call.StartsWith("tlb")).ShouldBe(["tlb 0x1000 0x5fe000 0xc"]);
        log.Count("wait").ShouldBe(1);
    }

    [Theory]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.SplitSync)]
    [InlineData(SyncPolicy.Explicit)]
    [InlineData(SyncPolicy.Deferred)]
    public void More_runs_than_fit_are_still_flushed_once(SyncPolicy policy)
    {
        const int tables = 40;
        using var domain = Make(CachingAll, policy, out var log, out _, TableRelease.Never);
        domain.Map(0, 0, tables * Span, ReadWrite);
        domain.Flush();
        log.Calls.Clear();
        domain.Unmap(0, tables * Span).ShouldBe(tables * Span);
        domain.Flush();
        log.Calls.Where(call => call.StartsWith("clean")).Distinct().Count().ShouldBe(tables);
        log.Count("clean").ShouldBe(tables);
        log.Count("wait").ShouldBe(1);
        log.Count("begin").ShouldBe(log.Count("submit"));
        if (policy == SyncPolicy.Deferred)
        {
            log.Count("all").ShouldBe(1);
            return;
        }

        log.Calls.Where(call => call.StartsWith("tables")).Distinct().Count().ShouldBe(tables);
        log.Count("tables").ShouldBe(tables);
        ulong bytes = (ulong)log.Calls
            .Where(call => call.StartsWith("tlb") || call.StartsWith("walks"))
            .Sum(call => Convert.ToInt64(call.Split(' ')[2], 16));
        bytes.ShouldBe(tables * Span);
    }

    [Fact]
    public void From_the_threshold_on_everything_is_flushed_at_once()
    {
        using var domain = Make(
            CachingAll, new DomainOptions { Policy = SyncPolicy.Gather, FlushAllPages = 32, Release = TableRelease.Never }, out var log, out _);
        domain.Map(0, 0, Page, ReadWrite);
        log.Calls.Clear();
        domain.Map(Page, 0, 31 * Page, ReadWrite);
        log.Count("all").ShouldBe(0);
        log.Count("tlb").ShouldBe(1);
        log.Calls.Clear();
        domain.Map(32 * Page, 0, 32 * Page, ReadWrite);
        log.Kinds.ShouldBe(["clean", "barrier", "begin", "all", "submit", "wait"]);
        log.Calls.Clear();
        domain.Unmap(0, 40 * Span);
        log.Kinds.ShouldBe(["clean", "barrier", "begin", "all", "submit", "wait"]);
    }

    [Fact]
    public void Nothing_is_invalidated_while_no_device_is_attached()
    {
        using var domain = Make(CachingAll, SyncPolicy.Gather, out var log, out var allocator);
        log.IsLive = false;
        domain.Map(0, 0, Span, ReadWrite);
        domain.Unmap(0, Span).ShouldBe(Span);
        log.Kinds.Distinct().ShouldBe(["clean", "barrier"], ignoreOrder: true);
        allocator.Outstanding.ShouldBe(2);
    }

    [Fact]
    public void A_failed_map_flushes_nothing()
    {
        using var domain = Make(CachingAll, SyncPolicy.Gather, out var log, out var allocator);
        domain.Map(8 * Page, 0, Page, ReadWrite);
        log.Calls.Clear();
        domain.TryMap(0, 0, 16 * Page, ReadWrite).ShouldBe(IommuError.EEXIST);
        allocator.Limit = allocator.Outstanding;
        domain.TryMap(Span, 0, Page, ReadWrite).ShouldBe(IommuError.ENOMEM);
        Should.Throw<IommuException>(() => domain.Map(Page / 2, 0, Page, ReadWrite)).Error.ShouldBe(IommuError.EINVAL);
        log.Calls.ShouldBeEmpty();
    }

    [Fact]
    public void An_unmap_of_nothing_flushes_nothing()
    {
        foreach (var policy in Enum.GetValues<SyncPolicy>())
        {
            using var domain = Make(CachingAll, policy, out var log, out _);
            domain.Unmap(0, Span).ShouldBe(0ul);
            domain.Flush();
            log.Calls.ShouldBeEmpty();
        }
    }

    [Fact]
    public void The_threshold_counts_pages_also_of_large_ones()
    {
        var options = new DomainOptions
        {
            Policy = SyncPolicy.Gather,
            FlushAllPages = 512,
            PageSizes = (1 << 12) | (1 << 21),
            Release = TableRelease.Never,
        };
        using var domain = Make(CachingAll, options, out var log, out _);
        domain.Map(0, 0, Span, ReadWrite);
        domain.Map(Span, 0x1000, 511 * Page, ReadWrite);
        log.Calls.Clear();
        domain.Unmap(Span, 511 * Page);
        log.Count("all").ShouldBe(0);
        domain.Unmap(0, Span).ShouldBe(Span);
        log.Count("all").ShouldBe(1);
    }

    [Fact]
    public void Ranges_of_a_refused_map_do_not_count()
    {
        var counters = new DomainCounters();
        using var domain = Make(Coherent, new DomainOptions { Counters = counters }, out _, out _);
        domain.TryMap(0, 0, Page, ReadWrite).ShouldBe(IommuError.None);
        domain.TryMap(0, 0, Page, ReadWrite).ShouldBe(IommuError.EEXIST);
        domain.TryMapScatterGather(Page, [new(0, Page), new(0x8000, Page)], ReadWrite, out _).ShouldBe(IommuError.None);
        counters.RangesMapped.ShouldBe(3);
    }

    [Fact]
    public void An_unmap_says_what_is_wrong_with_its_range()
    {
        using var domain = Make(Coherent, SyncPolicy.Gather, out _, out _);
        domain.Map(0, 0, Page, ReadWrite);
        domain.TryUnmap(1, Page, out _).ShouldBe(IommuError.EINVAL);
        domain.TryUnmap(0, 0, out _).ShouldBe(IommuError.EINVAL);
        domain.TryUnmap(ulong.MaxValue - Page + 1, 2 * Page, out _).ShouldBe(IommuError.EOVERFLOW);
        domain.TryUnmap(0, 1ul << 40, out ulong unmapped).ShouldBe(IommuError.ERANGE);
        unmapped.ShouldBe(0ul);
        domain.TryUnmap(0, 2 * Page, out unmapped).ShouldBe(IommuError.None);
        unmapped.ShouldBe(Page);
    }

    [Fact]
    public void A_domain_that_is_disposed_of_refuses()
    {
        var domain = Make(Coherent, SyncPolicy.Gather, out _, out var allocator);
        domain.Dispose();
        allocator.Outstanding.ShouldBe(0);
        Should.Throw<ObjectDisposedException>(() => domain.TryMap(0, 0, Page, ReadWrite));
        Should.Throw<ObjectDisposedException>(() => domain.Unmap(0, Page));
        Should.Throw<ObjectDisposedException>(() => domain.IovaToPhysical(0));
        Should.Throw<ObjectDisposedException>(() => domain.TryFindNext(0, 100, out _));
    }

    [Fact]
    public void Tables_must_be_where_the_walker_can_reach_them()
    {
        var options = new PageTableOptions { InputBits = 39, OutputBits = 20 };
        using var memory = new PhysicalMemory(4 << 20, isCoherent: true);
        Should.Throw<ArgumentException>(() => new PageTable<HintedFormat>(options, new PageAllocator(memory.CpuView, 0x10_0000, 0x1000)));
        new PageTable<HintedFormat>(options, new PageAllocator(memory.CpuView, 0xf_f000, 0x1000)).Dispose();
    }
}
