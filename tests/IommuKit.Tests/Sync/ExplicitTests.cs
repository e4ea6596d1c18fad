using IommuKit.Domains;
using IommuKit.PageTables;

namespace IommuKit.Tests.Sync;

/// <summary>Maintenance that is left until the caller asks.</summary>
public sealed class ExplicitTests : RecordedSync
{
    [Fact]
    public void Explicit_leaves_everything_until_the_caller_asks()
    {
        using var domain = Make(CachingAll, SyncPolicy.Explicit, out var log, out _, TableRelease.Never);
        domain.Map(0, 0, 8 * Page, ReadWrite);
        domain.Map(8 * Page, 0x100_0000, 8 * Page, ReadWrite);
        domain.Flush();
        log.Calls.Clear();
        domain.Unmap(0, 8 * Page);
        domain.Unmap(8 * Page, 8 * Page);
        log.Calls.ShouldBeEmpty();
        domain.Flush();

        // The two are one run by then.
        log.Kinds.ShouldBe(["clean", "barrier", "begin", "tables", "tlb", "submit", "wait"]);
        log.Calls.ShouldContain("tlb 0x0 0x10000 0xc");
        log.Calls.Clear();
        domain.Flush();
        log.Calls.ShouldBeEmpty();
    }

    [Fact]
    public void An_unmap_under_a_table_that_is_new_since_the_last_flush_is_invalidated()
    {
        // The pointer to the new table needs a clean and no invalidation here, so it does not stand for that of what is below it.
        using var domain = Make(NotCoherent, SyncPolicy.Explicit, out var log, out _, TableRelease.Never);
        domain.Map(0, 0, 8 * Page, ReadWrite);
        domain.Unmap(2 * Page, Page);
        domain.Flush();
        log.Calls.ShouldContain("tlb 0x2000 0x1000 0xc");
    }

    [Fact]
    public void Explicit_flush_of_a_range_leaves_the_rest_owed()
    {
        using var domain = Make(CachingAll, SyncPolicy.Explicit, out var log, out _, TableRelease.Never);
        domain.Map(0, 0, 4 * Span, ReadWrite);
        domain.Flush();
        domain.Unmap(0, Page);
        domain.Unmap(2 * Span, Page);
        log.Calls.Clear();
        domain.Flush(2 * Span, Page);
        log.Calls.Where(call => call.StartsWith("tlb")).ShouldBe(["tlb 0x400000 0x1000 0xc"]);
        log.Calls.Clear();
        domain.Flush(2 * Span, Page);
        domain.Flush(Span, 0);
        log.Calls.ShouldBeEmpty();
        domain.Flush(0, ulong.MaxValue);
        log.Calls.Where(call => call.StartsWith("tlb")).ShouldBe(["tlb 0x0 0x1000 0xc"]);
    }

    [Fact]
    public void Explicit_flush_of_a_range_leaves_new_tables_elsewhere_owed()
    {
        using var domain = Make(CachingAll, SyncPolicy.Explicit, out var log, out _, TableRelease.Never);
        domain.Map(0, 0, 4 * Page, ReadWrite);
        domain.Flush();
        domain.Map(2 * Span, 0, Page, ReadWrite);
        domain.Unmap(0, Page);
        log.Calls.Clear();
        domain.Flush(0, Page);
        log.Calls.Where(call => call.StartsWith("tlb") || call.StartsWith("walks")).ShouldBe(["tlb 0x0 0x1000 0xc"]);
        log.Calls.Clear();
        domain.Flush();
        log.Calls.Where(call => call.StartsWith("walks")).ShouldBe(["walks 0x400000 0x200000 0xc"]);
    }

    [Fact]
    public void Explicit_forgets_single_runs_only_for_a_flush_of_everything()
    {
        using var domain = Make(CachingAll, SyncPolicy.Explicit, out var log, out _, TableRelease.Never);
        domain.Map(0, 0, 20 * Span, ReadWrite);
        domain.Flush();
        log.Calls.Clear();

        // Every other page: no two runs touch.
        for (ulong page = 0; page < 10_000; page += 2)
        {
            domain.Unmap(page * Page, Page).ShouldBe(Page);
        }

        domain.Flush();
        log.Count("all").ShouldBe(1);
        log.Count("clean").ShouldBeGreaterThanOrEqualTo(10_000 * 8 / 64);
    }

    [Fact]
    public void Explicit_flush_of_a_range_keeps_the_order_of_the_rest()
    {
        using var domain = Make(CachingAll, SyncPolicy.Explicit, out var log, out _, TableRelease.Never);
        domain.Map(0, 0, 20 * Span, ReadWrite);
        domain.Flush();
        ulong[] pages = [5, 900, 12, 1400, 31];
        foreach (ulong page in pages)
        {
            domain.Unmap(page * Page, Page);
        }

        domain.Flush(900 * Page, Page);
        log.Calls.Clear();
        domain.Flush();
        log.Calls.Where(call => call.StartsWith("tlb", StringComparison.Ordinal))
            .ShouldBe([.. pages.Where(page => page != 900).Select(page => $"tlb 0x{page * Page:x} 0x1000 0xc")]);
    }

    [Fact]
    public void Leaves_under_a_dropped_table_need_no_flush_of_their_own_however_many_runs_there_are()
    {
        using var domain = Make(CachingAll, SyncPolicy.Explicit, out var log, out _, TableRelease.WhenCovered);
        domain.Map(0, 0, 20 * Span, ReadWrite);
        domain.Flush();
        log.Calls.Clear();

        // Single pages of all tables, with gaps; then every second table whole.
        for (ulong page = 0; page < 20 * 512; page += 16)
        {
            domain.Unmap(page * Page, Page).ShouldBe(Page);
        }

        for (ulong table = 0; table < 20; table += 2)
        {
            domain.Unmap(table * Span, Span).ShouldBe(Span);
        }

        domain.Flush();
        Count("walks", "0x200000 0xc").ShouldBe(10);
        Count("tlb", "0x1000 0xc").ShouldBe(10 * 512 / 16);

        int Count(string kind, string end) =>
            log.Calls.Count(call => call.StartsWith(kind, StringComparison.Ordinal) && call.EndsWith(end, StringComparison.Ordinal));
    }
}
