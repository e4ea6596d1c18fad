using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>
/// As <see cref="PerPageSink{THardware, TBatch}"/>, where nobody can tell maintenance of neighbours from that of one, counted for each.
/// </summary>
internal struct TalliedPageSink<THardware, TBatch>(PerPageSink<THardware, TBatch> pages, DomainCounters? counters, IPageTally tally) : IFootprintSink
    where THardware : struct, IDomainHardware<TBatch>
    where TBatch : struct
{
    private PerPageSink<THardware, TBatch> _pages = pages;

    public static bool PageByPage => true;

    public static bool JoinsPages => true;

    public readonly void TableFilled(ulong tableAddress, uint bytes) => _pages.TableFilled(tableAddress, bytes);

    public readonly void EntriesStored(in EntryRun run)
    {
        if (run.Count == 1 || run.Change is not (EntryChange.LeafWritten or EntryChange.LeafCleared))
        {
            _pages.EntriesStored(run);
            return;
        }

        var page = run with { Count = 1, Span = run.Span / run.Count };
        if (tally.TryBegin())
        {
            long syncs = counters?.Syncs ?? 0;
            _pages.EntriesStored(page);
            tally.Repeat(run.Count - 1);
            counters?.AddPages(run.Count - 1, counters.Syncs - syncs);
            return;
        }

        for (uint i = 0; i < run.Count; i++)
        {
            _pages.EntriesStored(page);
            page = page with { EntryAddress = page.EntryAddress + page.Bytes, Iova = page.Iova + page.Span };
        }
    }

    public readonly void Synchronise() => _pages.Synchronise();

    public void TableUnlinked(ulong tableAddress) => _pages.TableUnlinked(tableAddress);
}
