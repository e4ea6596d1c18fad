using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>Does all maintenance of a page before the next one is stored: the way of drivers before the range flush.</summary>
internal struct PerPageSink<THardware, TBatch>(DomainSync<THardware, TBatch> sync, RetiredTables retired) : IFootprintSink
    where THardware : struct, IDomainHardware<TBatch>
    where TBatch : struct
{
    private TableList _unlinked;

    public static bool PageByPage => true;

    public readonly void TableFilled(ulong tableAddress, uint bytes) => sync.CleanTable(tableAddress, bytes);

    // However many pages there are, each is dropped by itself.
    public readonly void EntriesStored(in EntryRun run)
    {
        sync.Counters?.AddEntries(run.Stored);
        sync.Synchronise(new ReadOnlySpan<EntryRun>(in run), pages: 0);
    }

    // Nothing is ever left to synchronise.
    public readonly void Synchronise()
    {
    }

    // The pointer to the table is gone and flushed by now.
    public void TableUnlinked(ulong tableAddress)
    {
        retired.Push(ref _unlinked, tableAddress);
        retired.Release(ref _unlinked);
    }
}
