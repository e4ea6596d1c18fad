using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>Does all maintenance of a page before the next one is stored: the way of drivers before the range flush.</summary>
internal struct PerPageSink<THardware>(DomainSync<THardware> sync) : IFootprintSink
    where THardware : struct, IDomainHardware
{
    private TableList _unlinked;

    public static bool PageByPage => true;

    public readonly void TableFilled(ulong tableAddress, uint bytes) => sync.CleanTable(tableAddress, bytes);

    public readonly void EntriesStored(in EntryRun run)
    {
        sync.Counters?.AddEntries(run.Stored);
        var runs = new ReadOnlySpan<EntryRun>(in run);
        sync.Clean(runs);
        if (sync.NeedInvalidation(runs))
        {
            sync.Invalidate(runs, Interval.Empty);
        }

        sync.MarkVisible(runs);
    }

    // Nothing is ever left to synchronise.
    public readonly void Synchronise()
    {
    }

    // The pointer to the table is gone and flushed by now.
    public void TableUnlinked(ulong tableAddress)
    {
        sync.Keep(ref _unlinked, tableAddress);
        sync.Release(ref _unlinked);
    }
}
