using IommuKit.PageTables;

namespace IommuKit.Lab.Formats;

/// <summary>The least a caller of the engine does with a footprint: counts the runs, and gives unlinked tables back together.</summary>
/// <param name="allocator">Where tables go back to.</param>
/// <param name="tableLog2">Log2 of the bytes of a table.</param>
public struct CountingSink(PageAllocator allocator, int tableLog2) : IFootprintSink
{
    private const int Capacity = 64;

    private readonly ulong[] _unlinked = new ulong[Capacity];
    private int _count;

    /// <inheritdoc/>
    public static bool PageByPage => false;

    /// <summary>How many runs were reported.</summary>
    public long Runs { get; private set; }

    /// <inheritdoc/>
    public readonly void TableFilled(ulong tableAddress, uint bytes)
    {
        // Anything that walks these tables sees every store.
    }

    /// <inheritdoc/>
    public void EntriesStored(in EntryRun run) => Runs++;

    /// <inheritdoc/>
    public readonly void Synchronise()
    {
        // Nobody has cached anything.
    }

    /// <inheritdoc/>
    public void TableUnlinked(ulong tableAddress)
    {
        if (_count == Capacity)
        {
            FreeUnlinked();
        }

        _unlinked[_count++] = tableAddress;
    }

    /// <summary>Gives back what was unlinked.</summary>
    public void FreeUnlinked()
    {
        if (_count != 0)
        {
            allocator.Free(_unlinked.AsSpan(0, _count), tableLog2);
            _count = 0;
        }
    }
}
