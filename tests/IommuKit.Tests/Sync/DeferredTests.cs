using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Sync;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Sync;

/// <summary>Unmaps whose invalidation waits in a queue.</summary>
public sealed class DeferredTests : RecordedSync
{
    [Fact]
    public void Deferred_unmaps_wait_with_their_tables_until_the_queue_is_full()
    {
        // A clock that stands still: only the queue's length may flush it.
        using var domain = Make(
            CachingAll,
            new DomainOptions { Policy = SyncPolicy.Deferred, DeferredCapacity = 3, Clock = new ManualClock() },
            out var log,
            out var allocator);
        for (ulong i = 0; i < 5; i++)
        {
            domain.Map(i * Span, 0, Span, ReadWrite);
        }

        long full = allocator.Outstanding;
        log.Calls.Clear();
        for (ulong i = 0; i < 3; i++)
        {
            domain.Unmap(i * Span, Span).ShouldBe(Span);
        }

        log.Kinds.Distinct().ShouldBe(["clean", "barrier"], ignoreOrder: true);
        allocator.Outstanding.ShouldBe(full);

        domain.Unmap(3 * Span, Span).ShouldBe(Span);
        log.Kinds.SkipWhile(call => call is "clean" or "barrier").ShouldBe(["begin", "all", "submit", "wait"]);
        allocator.Outstanding.ShouldBe(full - 3);

        domain.Flush();
        allocator.Outstanding.ShouldBe(full - 4);
        log.Count("all").ShouldBe(2);
        domain.Flush();
        log.Count("all").ShouldBe(2);
    }

    [Fact]
    public void Deferred_unmaps_grow_old()
    {
        var clock = new ManualClock();
        using var domain = Make(
            CachingAll,
            new DomainOptions { Policy = SyncPolicy.Deferred, DeferredAge = TimeSpan.FromMilliseconds(10), Clock = clock },
            out var log,
            out _);
        domain.Map(0, 0, 16 * Page, ReadWrite);
        log.Calls.Clear();
        domain.Unmap(0, Page);
        clock.Advance(TimeSpan.FromMilliseconds(9));
        domain.Unmap(Page, Page);
        log.Count("all").ShouldBe(0);

        // The oldest is what counts, and nobody has to call for it.
        clock.Advance(TimeSpan.FromMilliseconds(1));
        log.Count("all").ShouldBe(1);
        domain.Unmap(2 * Page, Page);
        clock.Advance(TimeSpan.FromMilliseconds(9));
        log.Count("all").ShouldBe(1);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        log.Count("all").ShouldBe(2);
        clock.Advance(TimeSpan.FromDays(1));
        log.Count("all").ShouldBe(2);
        domain.Dispose();
        clock.Timers.ShouldBe(0);
    }

    [Fact]
    public void The_caller_is_told_when_an_iova_may_be_given_out_again()
    {
        List<(ulong, ulong)> free = [];
        var clock = new ManualClock();
        IommuDomain? mapped = null;
        HardwareLog? log = null;
        using var domain = Make(
            CachingAll,
            new DomainOptions
            {
                Policy = SyncPolicy.Deferred,
                DeferredCapacity = 2,
                Clock = clock,
                UnmapFlushed = (iova, bytes) =>
                {
                    log!.Kinds.ShouldContain("wait");

                    // It may use the domain, and what it maps needs no flush.
                    mapped!.Map(iova, 0, bytes, ReadWrite);
                    log.Count("all").ShouldBe(free.Count < 2 ? 1 : 2);
                    free.Add((iova, bytes));
                },
            },
            out log,
            out _);
        mapped = domain;
        domain.Map(0, 0, 16 * Page, ReadWrite);
        log.Calls.Clear();
        domain.Unmap(0, Page);
        domain.Unmap(4 * Page, 3 * Page);
        free.ShouldBeEmpty();
        domain.Unmap(8 * Page, Page);
        free.ShouldBe([(0, Page), (4 * Page, 3 * Page)]);
        clock.Advance(TimeSpan.FromMilliseconds(10));
        free[2..].ShouldBe([(8 * Page, Page)]);
    }

    [Fact]
    public void What_a_failed_flush_left_is_told_when_everything_was_dropped()
    {
        List<(ulong, ulong)> free = [];
        var counters = new DomainCounters();
        using var domain = Make(
            CachingAll,
            new DomainOptions
            {
                Policy = SyncPolicy.Deferred,
                Clock = new ManualClock(),
                Counters = counters,
                UnmapFlushed = (iova, bytes) => free.Add((iova, bytes)),
            },
            out var log,
            out _);
        domain.Map(0, 0, 16 * Page, ReadWrite);
        domain.Unmap(0, 3 * Page);
        counters.PagesPutOff.ShouldBe(3);
        log.OnWait = () => throw new IOException("No.");
        Should.Throw<IOException>(domain.Flush);
        free.ShouldBeEmpty();
        log.OnWait = null;
        domain.Map(0, 0, Page, ReadWrite);
        free.ShouldBe([(0, 3 * Page)]);
    }

    [Fact]
    public void What_a_listener_throws_on_the_timer_reaches_the_next_operation()
    {
        var clock = new ManualClock();
        using var domain = Make(
            CachingAll,
            new DomainOptions { Policy = SyncPolicy.Deferred, Clock = clock, UnmapFlushed = (_, _) => throw new IOException("No.") },
            out _,
            out _);
        domain.Map(0, 0, 2 * Page, ReadWrite);
        domain.Unmap(0, Page);
        clock.Advance(TimeSpan.FromMilliseconds(10));
        Should.Throw<IOException>(() => domain.Map(0, 0, Page, ReadWrite));
        domain.Map(0, 0, Page, ReadWrite);
    }

    [Fact]
    public void A_listener_that_throws_for_one_unmap_is_told_of_the_others_too()
    {
        List<ulong> told = [];
        using var domain = Make(
            CachingAll,
            new DomainOptions
            {
                Policy = SyncPolicy.Deferred,
                Clock = new ManualClock(),
                UnmapFlushed = (iova, _) =>
                {
                    told.Add(iova);
                    if (iova != Page)
                    {
                        throw new IOException($"Not 0x{iova:x}.");
                    }
                },
            },
            out _,
            out _);
        domain.Map(0, 0, 4 * Page, ReadWrite);
        domain.Unmap(0, Page);
        domain.Unmap(Page, Page);
        domain.Unmap(3 * Page, Page);
        Should.Throw<IOException>(domain.Flush).Message.ShouldBe("Not 0x0.");
        told.ShouldBe([0, Page, 3 * Page]);
        domain.Flush();
        told.Count.ShouldBe(3);
    }

    [Theory]
    [InlineData(SyncPolicy.Deferred)]
    [InlineData(SyncPolicy.Explicit)]
    public void An_iova_is_not_mapped_again_before_its_flush(SyncPolicy policy)
    {
        using var domain = Make(CachingAll, policy, out var log, out _, TableRelease.Never);
        domain.Map(0, 0, 32 * Page, ReadWrite);
        domain.Flush();
        domain.Unmap(4 * Page, 4 * Page);
        log.Calls.Clear();

        // Elsewhere: no flush. Over the last page of it: a flush before anything is stored.
        domain.Map(40 * Page, 0, Page, ReadWrite);
        log.Calls.ShouldNotContain("all");
        domain.Flush();
        domain.Unmap(8 * Page, 4 * Page);
        log.Calls.Clear();
        domain.Map(11 * Page, 0, Page, ReadWrite);
        string[] kinds = [.. log.Kinds];
        kinds.ShouldContain("wait");
        if (policy == SyncPolicy.Deferred)
        {
            kinds[..4].ShouldBe(["begin", "all", "submit", "wait"]);
        }
        else
        {
            kinds.ShouldBe(["clean", "barrier", "begin", "tables", "tlb", "submit", "wait"]);
        }
    }

    /// <summary>A table that was dropped takes its whole span with it: nothing may be mapped there before the flush.</summary>
    [Theory]
    [InlineData(SyncPolicy.Deferred)]
    [InlineData(SyncPolicy.Explicit)]
    public void The_span_of_a_dropped_table_is_not_mapped_again_before_its_flush(SyncPolicy policy)
    {
        using var domain = Make(NotCoherent, policy, out var log, out var allocator, TableRelease.WhenEmpty);
        domain.Map(Span, 0, Page, ReadWrite);
        domain.Map(0, 0, Page, ReadWrite);
        domain.Flush();
        long before = allocator.Outstanding;
        domain.Unmap(Span, Page).ShouldBe(Page);
        allocator.Outstanding.ShouldBe(before);
        log.Calls.Clear();
        domain.Map(Span + (100 * Page), 0, Page, ReadWrite);
        log.Kinds.ShouldContain("wait");
        allocator.Outstanding.ShouldBe(before);
    }
}
