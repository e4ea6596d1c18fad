using IommuKit.Domains;
using IommuKit.PageTables;

namespace IommuKit.Tests.Sync;

/// <summary>While one thread waits for the hardware, others go on: the wait is outside the domain's locks.</summary>
public sealed class WaitTests : RecordedSync
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData(SyncPolicy.RangeFlush)]
    [InlineData(SyncPolicy.SplitSync)]
    [InlineData(SyncPolicy.Gather)]
    public void An_unmap_that_waits_keeps_no_other_operation_from_its_end(SyncPolicy policy) => Others_go_on(
        policy, TableRelease.WhenEmpty, domain => domain.Unmap(0, Page), domain => domain.Unmap(8 * Page, Page));

    [Theory]
    [InlineData(SyncPolicy.Deferred)]
    [InlineData(SyncPolicy.Explicit)]
    public void A_flush_that_waits_keeps_no_unmap_from_its_end(SyncPolicy policy) => Others_go_on(
        policy,
        TableRelease.WhenEmpty,
        domain =>
        {
            domain.Unmap(0, Page);
            domain.Flush();
        },
        domain => domain.Unmap(8 * Page, Page));

    /// <summary>What is in flight is not gone yet: its IOVA is not mapped before.</summary>
    [Theory]
    [InlineData(SyncPolicy.Deferred)]
    [InlineData(SyncPolicy.Explicit)]
    public void A_map_waits_for_the_flush_in_flight_of_its_iova(SyncPolicy policy)
    {
        using var domain = Make(CachingAll, policy, out var log, out _, TableRelease.Never);
        domain.Map(0, 0, 16 * Page, ReadWrite);
        domain.Flush();
        domain.Unmap(0, Page);
        domain.Unmap(8 * Page, Page);
        Thread? mapping = null;
        log.OnWait = () =>
        {
            log.OnWait = null;
            mapping = StartAndBlock(() => domain.Map(8 * Page, 0, Page, ReadWrite));
        };

        domain.Flush();
        mapping.ShouldNotBeNull().Join(Patience).ShouldBeTrue();
        domain.IovaToPhysical(8 * Page).ShouldBe(0ul);
    }

    /// <summary>
    /// A walker may still go by a table that an unmap has just unlinked: a map that links another in its place must not return before.
    /// </summary>
    [Fact]
    public void A_map_waits_for_the_flush_of_the_table_that_it_replaces()
    {
        using var domain = Make(Coherent, SyncPolicy.Gather, out var log, out _, TableRelease.WhenEmpty);
        domain.Map(Span, 0, Page, ReadWrite);
        domain.Flush();
        Thread? mapping = null;
        log.OnWait = () =>
        {
            log.OnWait = null;
            mapping = StartAndBlock(() => domain.Map(Span + (8 * Page), 0, Page, ReadWrite));
        };

        domain.Unmap(Span, Page);
        mapping.ShouldNotBeNull().Join(Patience).ShouldBeTrue();
        domain.IovaToPhysical(Span + (8 * Page)).ShouldBe(0ul);
    }

    /// <summary>The same where the flush is put off: the map finds it, and does it first.</summary>
    [Fact]
    public void A_map_finds_what_is_put_off_of_the_table_that_it_replaces()
    {
        using var domain = Make(NotCoherent, SyncPolicy.Deferred, out var log, out var allocator, TableRelease.WhenEmpty);
        domain.Map(Span, 0, Page, ReadWrite);
        domain.Flush();
        long tables = allocator.Outstanding;
        Thread? mapping = null;
        log.OnClean = () =>
        {
            log.OnClean = null;
            mapping = StartAndBlock(() => domain.Map(Span + (8 * Page), 0, Page, ReadWrite));
        };
        log.Calls.Clear();
        domain.Unmap(Span, Page);
        mapping.ShouldNotBeNull().Join(Patience).ShouldBeTrue();
        log.Count("all").ShouldBe(1);
        allocator.Outstanding.ShouldBe(tables);
    }

    /// <summary>Starts work on another thread, and returns when it waits for a lock; it fails if the work ends.</summary>
    private static Thread StartAndBlock(Action work)
    {
        bool isDone = false;
        var thread = new Thread(() =>
        {
            work();
            Volatile.Write(ref isDone, true);
        })
        { IsBackground = true };
        thread.Start();
        SpinWait.SpinUntil(() => Volatile.Read(ref isDone) || (thread.ThreadState & ThreadState.WaitSleepJoin) != 0, Patience).ShouldBeTrue();
        Volatile.Read(ref isDone).ShouldBeFalse();
        return thread;
    }

    private void Others_go_on(SyncPolicy policy, TableRelease release, Action<IommuDomain> first, Action<IommuDomain> second)
    {
        using var domain = Make(CachingAll, policy, out var log, out _, release);
        domain.Map(0, 0, 16 * Page, ReadWrite);
        domain.Flush();
        Exception? failure = null;
        bool isReached = false;
        log.OnWait = () =>
        {
            log.OnWait = null;
            isReached = true;
            var other = new Thread(() => failure = Record.Exception(() => second(domain))) { IsBackground = true };
            other.Start();
            other.Join(Patience).ShouldBeTrue("the other operation waits for the first");
        };

        first(domain);
        isReached.ShouldBeTrue();
        failure.ShouldBeNull();
    }
}
