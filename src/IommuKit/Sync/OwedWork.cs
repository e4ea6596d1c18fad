using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>Maintenance that operations have left for later, and the tables that must wait for it. Thread-safe.</summary>
/// <remarks>It grows to a bound; beyond it single runs are forgotten and the next flush drops everything.</remarks>
internal sealed class OwedWork<THardware>(DomainSync<THardware> sync)
    where THardware : struct, IDomainHardware
{
    private const int MaxRuns = 4096;

    private readonly object _gate = new();
    private EntryRun[] _runs = new EntryRun[64];
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

            // Runs of the range go to the front.
            int chosen = 0;
            for (int i = 0; i < _count; i++)
            {
                if (SpanOf(_runs[i]).Overlaps(range))
                {
                    (_runs[chosen], _runs[i]) = (_runs[i], _runs[chosen]);
                    chosen++;
                }
            }

            if (chosen != 0)
            {
                Synchronise(_runs.AsSpan(0, chosen));
                _count -= chosen;
                Array.Copy(_runs, chosen, _runs, 0, _count);
                _removed = Interval.Empty;
                for (int i = 0; i < _count; i++)
                {
                    NoteRemoved(_runs[i]);
                }
            }
        }
    }

    private static Interval SpanOf(in EntryRun run) => new(run.Iova, run.LastIova);

    private void Add(in EntryRun run)
    {
        NoteRemoved(run);
        for (int i = _count - 1; i >= Math.Max(0, _count - EntryRunList.Capacity); i--)
        {
            if (_runs[i].TryJoin(run, out var joined))
            {
                _runs[i] = joined;
                return;
            }
        }

        if (_count == MaxRuns)
        {
            sync.Clean(_runs.AsSpan(0, _count));
            _count = 0;
            _hasForgotten = true;
        }
        else if (_count == _runs.Length)
        {
            Array.Resize(ref _runs, _count * 2);
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
        }

        _count = 0;
        _hasForgotten = false;
        _removed = Interval.Empty;
        sync.Release(ref _unlinked);
    }

    private void Synchronise(ReadOnlySpan<EntryRun> runs)
    {
        ulong leaves = 0;
        foreach (ref readonly var run in runs)
        {
            leaves += run.Leaves;
        }

        sync.Clean(runs);
        if (_hasForgotten || sync.IsWorthFlushingAll(leaves))
        {
            sync.InvalidateAll();
        }
        else if (sync.NeedInvalidation(runs))
        {
            sync.Invalidate(runs, Interval.Empty);
        }
    }
}
