using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>Maintenance that operations have left for later, and the tables that must wait for it. Thread-safe.</summary>
/// <remarks>
/// It remembers a number of runs; beyond that single runs are forgotten and the next flush drops everything. Threads that add never wait for a flush
/// that is in flight; those that flush, or map what it covers, do.
/// </remarks>
internal sealed class OwedWork<THardware, TBatch>(DomainSync<THardware, TBatch> sync, RetiredTables retired, int capacity)
    where THardware : struct, IDomainHardware<TBatch>
    where TBatch : struct
{
    // How far back a run looks for one to join.
    private const int JoinDepth = 16;

    // Held by the thread that flushes. It comes before the other.
    private readonly Lock _flushGate = new();
    private readonly Lock _gate = new();
    private EntryRun[] _runs = new EntryRun[capacity];
    private int _count;
    private bool _hasForgotten;
    private TableList _unlinked;

    // Around everything whose access was removed: of what is owed, and of what is in flight.
    private Interval _removed = Interval.Empty;
    private Interval _removedInFlight = Interval.Empty;

    // What is in flight. The flush gate's.
    private EntryRun[]? _taken;

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
            retired.Move(ref unlinked, ref _unlinked);
        }
    }

    /// <summary>Does everything owed if part of <paramref name="range"/> lost its mapping and that is not synchronised yet.</summary>
    public void FlushIfRemoved(Interval range)
    {
        if (IsRemoved(range))
        {
            lock (_flushGate)
            {
                // What was in flight is done now.
                if (IsRemoved(range))
                {
                    FlushAll();
                }
            }
        }
    }

    /// <summary>Does everything owed.</summary>
    public void Flush()
    {
        lock (_flushGate)
        {
            FlushAll();
        }
    }

    /// <summary>Does what is owed to a range, and whatever cannot be told from it.</summary>
    public void Flush(Interval range)
    {
        lock (_flushGate)
        {
            int count;
            lock (_gate)
            {
                if (!_hasForgotten && _unlinked.IsEmpty)
                {
                    count = TakeRunsOf(WithTables(range));
                }
                else
                {
                    count = -1;
                }
            }

            if (count < 0)
            {
                FlushAll();
            }
            else if (count != 0)
            {
                Synchronise(count, hasForgotten: false);
            }
        }
    }

    private static Interval SpanOf(in EntryRun run) => new(run.Iova, run.LastIova);

    private bool IsRemoved(Interval range)
    {
        lock (_gate)
        {
            return _removedInFlight.Overlaps(range) || (_removed.Overlaps(range) && (_hasForgotten || AnyRemoved(range)));
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

    /// <summary>Moves the runs of a range to those in flight; both keep the order in which the runs were stored.</summary>
    private int TakeRunsOf(Interval range)
    {
        var taken = _taken ??= new EntryRun[capacity];
        int count = 0;
        int kept = 0;
        _removed = Interval.Empty;
        for (int i = 0; i < _count; i++)
        {
            if (SpanOf(_runs[i]).Overlaps(range))
            {
                _removedInFlight = WithRemoved(_removedInFlight, _runs[i]);
                taken[count++] = _runs[i];
            }
            else
            {
                _removed = WithRemoved(_removed, _runs[i]);
                _runs[kept++] = _runs[i];
            }
        }

        _count = kept;
        return count;
    }

    private void Add(in EntryRun run)
    {
        _removed = WithRemoved(_removed, run);
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

    private static Interval WithRemoved(Interval removed, in EntryRun run) => run.RemovesAccess ? removed.Around(SpanOf(run)) : removed;

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

    /// <summary>Does all that is owed by now. The caller holds the flush gate.</summary>
    private void FlushAll()
    {
        int count;
        bool hasForgotten;
        TableList unlinked = default;
        lock (_gate)
        {
            count = _count;
            hasForgotten = _hasForgotten;
            retired.Move(ref _unlinked, ref unlinked);
            if (count != 0)
            {
                (_runs, _taken) = (_taken ?? new EntryRun[capacity], _runs);
            }

            _removedInFlight = _removed;
            _removed = Interval.Empty;
            _count = 0;
            _hasForgotten = false;
        }

        if (count != 0)
        {
            Synchronise(count, hasForgotten);
            sync.Counters?.AddDrain();
        }

        retired.Release(ref unlinked);
    }

    /// <summary>Synchronises what was taken. The caller holds the flush gate, and not the other.</summary>
    private void Synchronise(int count, bool hasForgotten)
    {
        var runs = _taken.AsSpan(0, count);
        ulong pages = 0;
        foreach (ref readonly var run in runs)
        {
            pages += sync.PagesOf(run);
        }

        sync.Synchronise(runs, pages, mustDropAll: hasForgotten);
        lock (_gate)
        {
            _removedInFlight = Interval.Empty;
        }
    }
}
