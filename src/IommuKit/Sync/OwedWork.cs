using System.Runtime.InteropServices;
using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>Maintenance that was not done and is owed until somebody asks for it. Thread-safe.</summary>
/// <remarks>
/// It remembers a number of runs; beyond that single runs are forgotten and the next flush drops everything. Threads that add never wait for a
/// flush that is in flight, and where they would get into each other's way they add to stripes of their own; those that flush, or map what it
/// covers, do wait. A flush takes all stripes one after the other: everything is in memory before anything is dropped, so the order among them is
/// of no meaning.
/// </remarks>
internal sealed class OwedWork<THardware, TBatch>(DomainSync<THardware, TBatch> sync, RetiredTables retired, int capacity, int granuleLog2)
    where THardware : struct, IDomainHardware<TBatch>
    where TBatch : struct
{
    // Held by the thread that flushes. It comes before the locks of the stripes.
    private readonly Lock _flushGate = new();
    private readonly Stripes<OwedRuns> _stripes = new(() => new OwedRuns(capacity));

    // Pages whose access was removed: of what is owed, and of what is in flight.
    private readonly PendingPages _removed = new(capacity, granuleLog2);

    // What is in flight. The flush gate's.
    private readonly List<EntryRun> _taken = [];

    /// <summary>Adds runs that were stored and not written back, and takes over the tables that they unlinked.</summary>
    public void Add(ReadOnlySpan<EntryRun> runs, ref TableList unlinked)
    {
        var stripe = _stripes.Enter();
        try
        {
            foreach (ref readonly var run in runs)
            {
                if (run.RemovesAccess)
                {
                    _removed.Mark(OwedRuns.SpanOf(run));
                }

                if (!stripe.TryAdd(run))
                {
                    sync.Clean(stripe.Runs);
                    stripe.Forget();
                    stripe.TryAdd(run);
                }
            }

            retired.Move(ref unlinked, ref stripe.Unlinked);
        }
        finally
        {
            stripe.Exit();
        }
    }

    /// <summary>Does everything owed if part of <paramref name="range"/> lost its mapping and that is not synchronised yet.</summary>
    public void FlushIfRemoved(Interval range)
    {
        if (!_removed.MayOverlap(range) || !_removed.TryEnterToFlush(_flushGate, range))
        {
            return;
        }

        try
        {
            // What was in flight is done now.
            if (IsRemoved(range))
            {
                FlushAll();
            }
        }
        finally
        {
            _flushGate.Exit();
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
            if (!TryTake(range))
            {
                FlushAll();
                return;
            }

            Synchronise(hasForgotten: false);
            _removed.Done();
        }
    }

    private bool IsRemoved(Interval range)
    {
        foreach (var stripe in _stripes.All)
        {
            stripe.Enter();
            try
            {
                if (stripe.IsRemoved(range))
                {
                    return true;
                }
            }
            finally
            {
                stripe.Exit();
            }
        }

        return false;
    }

    /// <summary>
    /// Takes the runs of a range. False, and nothing done, if some were forgotten, or tables wait for others. The caller holds the flush gate.
    /// </summary>
    private bool TryTake(Interval range)
    {
        var stripes = _stripes.All;
        foreach (var stripe in stripes)
        {
            stripe.Enter();
        }

        try
        {
            var all = range;
            foreach (var stripe in stripes)
            {
                if (stripe.HasForgotten || !stripe.Unlinked.IsEmpty)
                {
                    return false;
                }

                all = WithTables(all, range, stripe.Runs);
            }

            _removed.Take();
            _taken.Clear();
            foreach (var stripe in stripes)
            {
                stripe.TakeOf(all, _taken);

                // Marks cannot be taken away one by one.
                foreach (ref readonly var kept in stripe.Runs)
                {
                    if (kept.RemovesAccess)
                    {
                        _removed.Mark(OwedRuns.SpanOf(kept));
                    }
                }
            }

            return true;
        }
        finally
        {
            foreach (var stripe in stripes)
            {
                stripe.Exit();
            }
        }
    }

    /// <summary>
    /// Widens what is taken by all that lies under the pointers to tables that are owed in a range: what was stored in a new table is dropped from
    /// the TLB with the pointer to it, so it must be in memory, and in no cache of tables, by then.
    /// </summary>
    private static Interval WithTables(Interval all, Interval range, ReadOnlySpan<EntryRun> runs)
    {
        // Tables nest, so what this adds lies under no other pointer that does not reach into the range itself.
        foreach (ref readonly var run in runs)
        {
            if (run.ChangesTable && OwedRuns.SpanOf(run).Overlaps(range))
            {
                all = all.Around(OwedRuns.SpanOf(run));
            }
        }

        return all;
    }

    /// <summary>Does all that is owed by now. The caller holds the flush gate.</summary>
    private void FlushAll()
    {
        bool hasForgotten = false;
        TableList unlinked = default;
        _removed.Take();
        _taken.Clear();
        foreach (var stripe in _stripes.All)
        {
            stripe.Enter();
            try
            {
                hasForgotten |= stripe.HasForgotten;
                stripe.TakeAll(_taken);
                retired.Move(ref stripe.Unlinked, ref unlinked);
            }
            finally
            {
                stripe.Exit();
            }
        }

        if (Synchronise(hasForgotten))
        {
            sync.Counters?.AddDrain();
        }

        _removed.Done();
        retired.Release(ref unlinked);
    }

    /// <summary>Synchronises what was taken, if it is anything. The caller holds the flush gate, and no other.</summary>
    private bool Synchronise(bool hasForgotten)
    {
        var runs = CollectionsMarshal.AsSpan(_taken);
        ulong pages = 0;
        foreach (ref readonly var run in runs)
        {
            pages += sync.PagesOf(run);
        }

        if (!runs.IsEmpty)
        {
            sync.Synchronise(runs, pages, mustDropAll: hasForgotten);
        }

        return !runs.IsEmpty;
    }
}
