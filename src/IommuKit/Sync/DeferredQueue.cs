using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>
/// Ranges that are unmapped in memory but perhaps not in the hardware's caches, and the tables that must wait for it. They are
/// flushed together: when the queue is full, when the oldest is too old, when one of the ranges is to be mapped again, or on request. Thread-safe.
/// </summary>
/// <remarks>
/// Threads that unmap fill one set while another may be in flight, and look for a range in either without a lock. Who flushes, or needs what is in
/// flight, waits under a lock that nobody else needs.
/// </remarks>
internal sealed class DeferredQueue<THardware, TBatch> : IDisposable
    where THardware : struct, IDomainHardware<TBatch>
    where TBatch : struct
{
    private readonly Lock _flushGate = new();
    private readonly Lock _gate = new();
    private readonly DomainSync<THardware, TBatch> _sync;
    private readonly RetiredTables _retired;
    private readonly TimeSpan _maxAge;
    private readonly Action<ulong, ulong>? _flushed;
    private readonly ITimer? _timer;
    private readonly Func<PendingUnmaps> _makeSet;
    private PendingUnmaps _filling;
    private PendingUnmaps? _inFlight;
    private PendingUnmaps? _spare;

    // Those whose flush failed.
    private List<PendingUnmaps>? _stuck;

    // Those that were flushed and that the listener has to be told of; null without one.
    private Queue<PendingUnmaps>? _done;
    private bool _mustStartTimer;

    /// <summary>Makes an empty queue.</summary>
    /// <param name="sync">Maintenance of the domain.</param>
    /// <param name="retired">Where unlinked tables go.</param>
    /// <param name="makeSet">Makes a set of the queue's capacity.</param>
    /// <param name="maxAge">How long a range may wait.</param>
    /// <param name="clock">The clock for that.</param>
    /// <param name="tooOld">Called by the clock when something has waited that long: has to call <see cref="Flush"/>.</param>
    /// <param name="flushed">Told of each unmap after its flush: first IOVA and bytes.</param>
    public DeferredQueue(
        DomainSync<THardware, TBatch> sync,
        RetiredTables retired,
        Func<PendingUnmaps> makeSet,
        TimeSpan maxAge,
        TimeProvider clock,
        Action tooOld,
        Action<ulong, ulong>? flushed)
    {
        _sync = sync;
        _retired = retired;
        _maxAge = maxAge;
        _flushed = flushed;
        _makeSet = makeSet;
        _filling = makeSet();
        if (maxAge != Timeout.InfiniteTimeSpan)
        {
            _timer = clock.CreateTimer(static state => ((Action)state!)(), tooOld, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>
    /// Adds a range that was unmapped, and takes over the tables that it unlinked. Where tables may go because they are empty, the caller holds the
    /// lock under which they were unlinked: a map that gets it next has to find them here.
    /// </summary>
    /// <param name="unmapped">The range.</param>
    /// <param name="unlinkedSpan">The IOVAs under those tables, or empty.</param>
    /// <param name="unlinked">The tables.</param>
    public void Add(Interval unmapped, Interval unlinkedSpan, TableList unlinked)
    {
        while (true)
        {
            lock (_gate)
            {
                if (!_filling.IsFull)
                {
                    _mustStartTimer |= _filling.IsEmpty;
                    _filling.Add(unmapped, unlinkedSpan);
                    _retired.Move(ref unlinked, ref _filling.Unlinked);
                    return;
                }
            }

            Flush();
        }
    }

    /// <summary>Flushes if part of <paramref name="range"/> waits in the queue, and waits for it if it is in flight.</summary>
    public void FlushIfPending(Interval range)
    {
        if (IsPending(range))
        {
            lock (_flushGate)
            {
                // What was in flight is done now.
                if (IsPending(range))
                {
                    FlushAll();
                }
            }
        }
    }

    /// <summary>Flushes everything that was added before.</summary>
    public void Flush()
    {
        lock (_flushGate)
        {
            FlushAll();
        }
    }

    /// <summary>
    /// At the end of an operation, outside all locks of the domain: starts the timer, and tells of unmaps that were flushed. Both are the caller's
    /// own code.
    /// </summary>
    /// <exception cref="Exception">What the clock threw, after everything was flushed, or the listener.</exception>
    public void Settle()
    {
        if (Volatile.Read(ref _mustStartTimer))
        {
            StartTimer();
        }

        if (Volatile.Read(ref _done) is not null)
        {
            TellAll();
        }
    }

    /// <summary>After a flush had failed, everything was dropped: what waited for that is done.</summary>
    public void Recovered()
    {
        lock (_gate)
        {
            foreach (var set in _stuck ?? [])
            {
                Done(set);
            }

            _stuck = null;
        }
    }

    /// <summary>Ends the timer.</summary>
    public void Dispose() => _timer?.Dispose();

    private void StartTimer()
    {
        lock (_gate)
        {
            if (!_mustStartTimer)
            {
                return;
            }

            _mustStartTimer = false;
        }

        try
        {
            _timer?.Change(_maxAge, Timeout.InfiniteTimeSpan);
        }
        catch
        {
            // A clock may throw. Nothing is left to wait for it.
            Flush();
            throw;
        }
    }

    // A set moves from the first to the second and then away, so they are looked at in that order.
    private bool IsPending(Interval range) =>
        Volatile.Read(ref _filling).Overlaps(range) || (Volatile.Read(ref _inFlight)?.Overlaps(range) ?? false);

    /// <summary>Flushes all that waits. The caller holds the flush gate.</summary>
    private void FlushAll()
    {
        PendingUnmaps set;
        lock (_gate)
        {
            set = _filling;
            if (set.IsEmpty)
            {
                return;
            }

            Volatile.Write(ref _inFlight, set);
            Volatile.Write(ref _filling, _spare ?? _makeSet());
            _spare = null;
        }

        FlushBatch<TBatch> batch = default;

        // Where unmaps clean, each was fenced before it was added.
        _sync.SubmitAll(ref batch, isFenced: _sync.UnmapsClean);
        _sync.Complete(ref batch);
        _sync.Counters?.AddDrain();
        Volatile.Write(ref _inFlight, null);
        _retired.Release(ref set.Unlinked);
        lock (_gate)
        {
            if (_sync.Failures.ArePending)
            {
                (_stuck ??= []).Add(set);
            }
            else
            {
                Done(set);
            }
        }
    }

    /// <summary>A set was flushed. The caller holds the gate.</summary>
    private void Done(PendingUnmaps set)
    {
        if (_flushed is null)
        {
            Recycle(set);
        }
        else
        {
            (_done ??= new Queue<PendingUnmaps>()).Enqueue(set);
        }
    }

    private void Recycle(PendingUnmaps set)
    {
        set.Clear();
        _spare ??= set;
    }

    private void TellAll()
    {
        while (TakeDone() is { } set)
        {
            try
            {
                foreach (var unmapped in set.Unmapped)
                {
                    _flushed!(unmapped.First, unmapped.Bytes);
                }
            }
            finally
            {
                lock (_gate)
                {
                    Recycle(set);
                }
            }
        }
    }

    private PendingUnmaps? TakeDone()
    {
        lock (_gate)
        {
            return _done is { Count: > 0 } ? _done.Dequeue() : null;
        }
    }
}
