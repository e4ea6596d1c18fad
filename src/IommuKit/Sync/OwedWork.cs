using System.Buffers;
using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>Maintenance that operations have left for later, and the tables that must wait for it. Thread-safe.</summary>
/// <remarks>It remembers a number of runs; beyond that single runs are forgotten and the next flush drops everything.</remarks>
internal sealed class OwedWork<THardware>(DomainSync<THardware> sync, int capacity)
    where THardware : struct, IDomainHardware
{
    // How far back a run looks for one to join.
    private const int JoinDepth = 16;

    private readonly Lock _gate = new();
    private readonly EntryRun[] _runs = new EntryRun[capacity];
    private int _count;
    private bool _hasForgotten;
    private TableList _unlinked;

    // Around everything whose access was removed.
    private Interval _removed = Interval.Empty;

    /// <summary>Adds runs that were stored and not written back.</summary>
    public void Add(ReadOnlySpan<EntryRun> runs)
    {
        lock (_gate)
        {
            foreach (ref readonly var run in runs)
            {
                Add(run);
            }
        }
    }

    /// <summary>Takes over tables that the added runs unlinked.</summary>
    public void Keep(ref TableList unlinked)
    {
        lock (_gate)
        {
            sync.Move(ref unlinked, ref _unlinked);
        }
    }

    /// <summary>Does everything owed if part of <paramref name="range"/> lost its mapping and that is not synchronised yet.</summary>
    public void FlushIfRemoved(Interval range)
    {
        lock (_gate)
        {
            if (_removed.Overlaps(range) && (_hasForgotten || AnyRemoved(range)))
            {
                FlushAll();
            }
        }
    }

    /// <summary>Does everything owed.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            FlushAll();
        }
    }

    /// <summary>Does what is owed to a range, and whatever cannot be told from it.</summary>
    public void Flush(Interval range)
    {
        lock (_gate)
        {
            if (_hasForgotten || !_unlinked.IsEmpty)
            {
                FlushAll();
                return;
            }

            var chosen = ArrayPool<EntryRun>.Shared.Rent(Math.Max(_count, 1));
            int count = TakeRunsOf(WithTables(range), chosen);
            if (count != 0)
            {
                Synchronise(chosen.AsSpan(0, count));
            }

            ArrayPool<EntryRun>.Shared.Return(chosen);
        }
    }

    /// <summary>
    /// A range with all that lies under the pointers to tables that are owed in it: what was stored in a new table is dropped from the TLB with
    /// the pointer to it, so it must be in memory, and in no cache of tables, by then.
    /// </summary>
    private Interval WithTables(Interval range)
    {
        // Tables nest, so what this adds lies under no other pointer that does not reach into the range itself.
        var all = range;
        for (int i = 0; i < _count; i++)
        {
            if (_runs[i].ChangesTable && SpanOf(_runs[i]).Overlaps(range))
            {
                all = all.Around(SpanOf(_runs[i]));
            }
        }

        return all;
    }

    /// <summary>Moves the runs of a range to another array; both keep the order in which the runs were stored.</summary>
    private int TakeRunsOf(Interval range, EntryRun[] chosen)
    {
        int taken = 0;
        int kept = 0;
        _removed = Interval.Empty;
        for (int i = 0; i < _count; i++)
        {
            if (SpanOf(_runs[i]).Overlaps(range))
            {
                chosen[taken++] = _runs[i];
            }
            else
            {
                NoteRemoved(_runs[i]);
                _runs[kept++] = _runs[i];
            }
        }

        _count = kept;
        return taken;
    }

    private static Interval SpanOf(in EntryRun run) => new(run.Iova, run.LastIova);

    private void Add(in EntryRun run)
    {
        NoteRemoved(run);
        for (int i = _count - 1; i >= Math.Max(0, _count - JoinDepth); i--)
        {
            if (_runs[i].TryJoin(run, out var joined))
            {
                _runs[i] = joined;
                return;
            }
        }

        if (_count == _runs.Length)
        {
            sync.Clean(_runs.AsSpan(0, _count));
            _count = 0;
            _hasForgotten = true;
        }

        _runs[_count++] = run;
    }

    private void NoteRemoved(in EntryRun run)
    {
        if (run.RemovesAccess)
        {
            _removed = _removed.Around(SpanOf(run));
        }
    }

    private bool AnyRemoved(Interval range)
    {
        for (int i = 0; i < _count; i++)
        {
            if (_runs[i].RemovesAccess && SpanOf(_runs[i]).Overlaps(range))
            {
                return true;
            }
        }

        return false;
    }

    private void FlushAll()
    {
        if (_count != 0)
        {
            Synchronise(_runs.AsSpan(0, _count));
            sync.Counters?.AddDrain();
        }

        _count = 0;
        _hasForgotten = false;
        _removed = Interval.Empty;
        sync.Release(ref _unlinked);
    }

    private void Synchronise(ReadOnlySpan<EntryRun> runs)
    {
        ulong pages = 0;
        foreach (ref readonly var run in runs)
        {
            pages += run.Pages(sync.GranuleLog2);
        }

        sync.Clean(runs);
        bool mustInvalidate = sync.NeedInvalidation(runs);
        if (_hasForgotten || (mustInvalidate && sync.IsWorthFlushingAll(pages)))
        {
            sync.InvalidateAll();
        }
        else if (mustInvalidate)
        {
            sync.Invalidate(runs, Interval.Empty);
        }

        sync.MarkVisible(runs);
    }
}
