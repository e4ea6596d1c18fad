using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>
/// Ranges that are unmapped in memory but perhaps not in the hardware's caches, and the tables that must wait for it. They are
/// flushed together: when the queue is full, when the oldest is too old, when one of the ranges is to be mapped again, or on request. Thread-safe.
/// </summary>
/// <remarks>
/// Threads that unmap fill one set while another may be in flight, and look for a range in either without a lock. Who flushes, or needs what is in flight, waits
/// under a lock that nobody else needs.
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

    /// <summary>Adds a range that was unmapped, and takes over the tables that it unlinked.</summary>
    /// <param name="unmapped">The range.</param>
    /// <param name="unlinkedSpan">The IOVAs under those tables, or empty.</param>
    /// <param name="unlinked">The tables.</param>
    /// <exception cref="Exception">What the clock threw; then everything is flushed.</exception>
    public void Add(Interval unmapped, Interval unlinkedSpan, TableList unlinked)
    {
        bool isFirst;
        while (true)
        {
            lock (_gate)
            {
                if (!_filling.IsFull)
                {
                    isFirst = _filling.IsEmpty;
                    _filling.Add(unmapped, unlinkedSpan);
                    _retired.Move(ref unlinked, ref _filling.Unlinked);
                    break;
                }
            }

            Flush();
        }

        if (isFirst)
        {
            StartTimer();
        }
    }

    /// <summary>Flushes if part of <paramref name="range"/> waits in the queue, and waits for it if it is in flight.</summary>
    public void FlushIfPending(Interval range)
    {
        if (IsPending(range))
        {
            FlushPending(range);
        }
    }

    /// <summary>Flushes everything that was added before.</summary>
    public void Flush()
    {
        PendingUnmaps? done;
        lock (_flushGate)
        {
            done = FlushAll();
        }

        Finish(done);
    }

    /// <summary>After a flush had failed, everything was dropped: tells of what waited for that.</summary>
    public void Recovered()
    {
        List<PendingUnmaps>? stuck;
        lock (_gate)
        {
            stuck = _stuck;
            _stuck = null;
        }

        stuck?.ForEach(Finish);
    }

    /// <summary>Ends the timer.</summary>
    public void Dispose() => _timer?.Dispose();

    private void StartTimer()
    {
        try
        {
            _timer?.Change(_maxAge, Timeout.InfiniteTimeSpan);
        }
        catch
        {
            // A clock is the caller's own, and may throw. Nothing is left to wait for it.
            Flush();
            throw;
        }
    }

    private void FlushPending(Interval range)
    {
        PendingUnmaps? done = null;
        lock (_flushGate)
        {
            // What was in flight is done now.
            if (IsPending(range))
            {
                done = FlushAll();
            }
        }

        Finish(done);
    }

    // A set moves from the first to the second and then away, so they are looked at in that order.
    private bool IsPending(Interval range) =>
        Volatile.Read(ref _filling).Overlaps(range) || (Volatile.Read(ref _inFlight)?.Overlaps(range) ?? false);

    /// <summary>Flushes all that waits. The caller holds the flush gate.</summary>
    private PendingUnmaps? FlushAll()
    {
        PendingUnmaps set;
        lock (_gate)
        {
            set = _filling;
            if (set.IsEmpty)
            {
                return null;
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
        if (_sync.Failures.ArePending)
        {
            lock (_gate)
            {
                (_stuck ??= []).Add(set);
            }

            return null;
        }

        return set;
    }

    /// <summary>Tells of unmaps that were flushed, outside the locks: the listener may use the domain.</summary>
    private void Finish(PendingUnmaps? set)
    {
        if (set is null)
        {
            return;
        }

        try
        {
            if (_flushed is not null)
            {
                foreach (var unmapped in set.Unmapped)
                {
                    _flushed(unmapped.First, unmapped.Bytes);
                }
            }
        }
        finally
        {
            set.Clear();
            lock (_gate)
            {
                _spare ??= set;
            }
        }
    }
}
