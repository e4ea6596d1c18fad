using IommuKit.PageTables;

namespace IommuKit.Tests.Support;

/// <summary>Keeps the footprint of operations, and gives unlinked tables back when asked.</summary>
internal sealed class FootprintLog(PageAllocator allocator, int tableLog2)
{
    private readonly List<ulong> _unlinked = [];

    public List<EntryRun> Runs { get; } = [];

    public List<(ulong Address, uint Bytes)> Filled { get; } = [];

    public IReadOnlyList<ulong> Unlinked => _unlinked;

    /// <summary>How many runs had been reported at each break-before-make.</summary>
    public List<int> Breaks { get; } = [];

    /// <summary>Called at each break-before-make.</summary>
    public Action? AtBreak { get; set; }

    /// <summary>Called when a new table is about to be linked.</summary>
    public Action? AtFilled { get; set; }

    public bool IsEmpty => Runs.Count == 0 && Filled.Count == 0 && Breaks.Count == 0 && _unlinked.Count == 0;

    public void Synchronise()
    {
        Breaks.Add(Runs.Count);
        AtBreak?.Invoke();
    }

    public void Fill(ulong tableAddress, uint bytes)
    {
        Filled.Add((tableAddress, bytes));
        AtFilled?.Invoke();
    }

    public void Add(in EntryRun run)
    {
        run.Count.ShouldBeGreaterThan(0u);
        Runs.Add(run);
    }

    public void Unlink(ulong address) => _unlinked.Add(address);

    public void Clear()
    {
        foreach (ulong table in _unlinked)
        {
            allocator.Free(table, tableLog2);
        }

        _unlinked.Clear();
        Runs.Clear();
        Filled.Clear();
        Breaks.Clear();
    }
}

/// <summary>Reports to a <see cref="FootprintLog"/>, by runs.</summary>
internal struct RecordingSink(FootprintLog log) : IFootprintSink
{
    public static bool PageByPage => false;

    public readonly void TableFilled(ulong tableAddress, uint bytes) => log.Fill(tableAddress, bytes);

    public readonly void EntriesStored(in EntryRun run) => log.Add(run);

    public readonly void Synchronise() => log.Synchronise();

    public readonly void TableUnlinked(ulong tableAddress) => log.Unlink(tableAddress);
}

/// <summary>Reports to a <see cref="FootprintLog"/>, page by page.</summary>
internal struct PageByPageSink(FootprintLog log) : IFootprintSink
{
    public static bool PageByPage => true;

    public readonly void TableFilled(ulong tableAddress, uint bytes) => log.Fill(tableAddress, bytes);

    public readonly void EntriesStored(in EntryRun run) => log.Add(run);

    public readonly void Synchronise() => log.Synchronise();

    public readonly void TableUnlinked(ulong tableAddress) => log.Unlink(tableAddress);
}
