using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>Unmaps that are flushed together. One thread at a time uses it.</summary>
/// <param name="capacity">How many it can hold.</param>
internal sealed class PendingUnmaps(int capacity)
{
    // Ranges that must not be mapped before the flush: unmapped ones, with what lies under tables that they unlinked.
    private readonly Interval[] _reach = new Interval[capacity];
    private readonly FlushedUnmap[] _unmapped = new FlushedUnmap[capacity];
    private int _count;

    /// <summary>Tables that the unmaps unlinked.</summary>
    public TableList Unlinked;

    /// <summary>Whether nothing waits; another thread may look.</summary>
    public bool IsEmpty => Volatile.Read(ref _count) == 0;

    /// <summary>Whether no more fits.</summary>
    public bool IsFull => _count == _reach.Length;

    /// <summary>What was unmapped.</summary>
    public ReadOnlySpan<FlushedUnmap> Unmapped => _unmapped.AsSpan(0, _count);

    /// <summary>Adds an unmap.</summary>
    /// <param name="unmapped">The range, and what its caller knows it by.</param>
    /// <param name="reach">That range, with the IOVAs under tables that it unlinked.</param>
    public void Add(FlushedUnmap unmapped, Interval reach)
    {
        _unmapped[_count] = unmapped;
        _reach[_count] = reach;
        Volatile.Write(ref _count, _count + 1);
    }

    /// <summary>Whether part of a range waits here.</summary>
    public bool Overlaps(Interval range)
    {
        foreach (ref readonly var one in _reach.AsSpan(0, _count))
        {
            if (one.Overlaps(range))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear() => Volatile.Write(ref _count, 0);
}
