using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>
/// Ranges that are unmapped in memory but perhaps not in the hardware's caches, and the tables that must wait for it. They are
/// flushed together: when the queue is full, when the oldest is too old, when one of the ranges is to be mapped again, or on request. Thread-safe.
/// </summary>
/// <remarks>
/// Threads that unmap add to stripes of their own, where they would else get into each other's way, while others may be in flight; a look whether a
/// range waits takes no lock unless it may. Who flushes, or needs what is in flight, waits under a lock that nobody else needs.
/// </remarks>
internal sealed class DeferredQueue<THardware, TBatch> : IDisposable
    where THardware : struct, IDomainHardware<TBatch>
    where TBatch : struct
{
    // Held by the thread that flushes. It comes before the locks of the stripes, and those before the last one.
    private readonly Lock _flushGate = new();
    private readonly Lock _setGate = new();
    private readonly Stripes<DeferredStripe> _stripes = new(() => new DeferredStripe());
    private readonly DomainSync<THardware, TBatch> _sync;
    private readonly RetiredTables _retired;
    private readonly PendingPages _pages;
    private readonly int _capacity;
    private readonly TimeSpan _maxAge;
    private readonly IUnmapListener? _listener;
    private readonly ITimer? _timer;

    // What is in flight. The flush gate's.
    private readonly PendingUnmaps[] _taken;

    // Sets without anything in them.
    private readonly Stack<PendingUnmaps> _spare = [];

    // Those whose flush failed.
    private List<PendingUnmaps>? _stuck;

    // Those that were flushed and that the listener has to be told of, and how many: each operation looks, without the lock.
    private readonly Queue<PendingUnmaps> _done = [];
    private int _doneCount;

    // 1 if what waits has its timer, or is to get it.
    private int _isTimed;

    // 1 if it is to get it.
    private int _mustStartTimer;

    /// <summary>Makes an empty queue.</summary>
    /// <param name="sync">Maintenance of the domain.</param>
    /// <param name="retired">Where unlinked tables go.</param>
    /// <param name="capacity">How many unmaps may wait in a stripe.</param>
    /// <param name="granuleLog2">Log2 of the smallest page.</param>
    /// <param name="maxAge">How long a range may wait.</param>
    /// <param name="clock">The clock for that.</param>
    /// <param name="tooOld">Called by the clock when something has waited that long: has to call <see cref="FlushOld"/>.</param>
    /// <param name="listener">Told of all unmaps after their flush; null if nobody is.</param>
    public DeferredQueue(
        DomainSync<THardware, TBatch> sync,
        RetiredTables retired,
        int capacity,
        int granuleLog2,
        TimeSpan maxAge,
        TimeProvider clock,
        Action tooOld,
        IUnmapListener? listener)
    {
        _sync = sync;
        _retired = retired;
        _maxAge = maxAge;
        _listener = listener;
        _capacity = capacity;
        _pages = new PendingPages(capacity, granuleLog2);
        _taken = new PendingUnmaps[_stripes.All.Length];
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
    /// <param name="tag">What the listener is to know it by.</param>
    public void Add(Interval unmapped, Interval unlinkedSpan, TableList unlinked, ulong tag)
    {
        var reach = unmapped.Around(unlinkedSpan);
        while (!TryAdd(new FlushedUnmap(unmapped, tag), reach, ref unlinked))
        {
            Flush();
        }
    }

    /// <summary>Flushes if part of <paramref name="range"/> waits in the queue, and waits for it if it is in flight.</summary>
    public void FlushIfPending(Interval range)
    {
        if (!_pages.MayOverlap(range) || !_pages.TryEnterToFlush(_flushGate, range))
        {
            return;
        }

        try
        {
            // What was in flight is done now.
            if (IsWaiting(range))
            {
                FlushAll();
            }
        }
        finally
        {
            _flushGate.Exit();
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

    /// <summary>As <see cref="Flush"/>, where the timer has gone off: what comes later needs it anew.</summary>
    public void FlushOld()
    {
        Volatile.Write(ref _isTimed, 0);
        Flush();
    }

    /// <summary>
    /// At the end of an operation, outside all locks of the domain: starts the timer, and tells of unmaps that were flushed. Both are the caller's
    /// own code.
    /// </summary>
    /// <exception cref="Exception">What the clock threw, after everything was flushed, or the listener.</exception>
    public void Settle()
    {
        if (Volatile.Read(ref _mustStartTimer) != 0)
        {
            StartTimer();
        }

        if (Volatile.Read(ref _doneCount) != 0)
        {
            TellAll();
        }
    }

    /// <summary>After a flush had failed, everything was dropped: what waited for that is done.</summary>
    public void Recovered()
    {
        lock (_setGate)
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
        if (Interlocked.Exchange(ref _mustStartTimer, 0) == 0)
        {
            return;
        }

        try
        {
            _timer?.Change(_maxAge, Timeout.InfiniteTimeSpan);
        }
        catch
        {
            // A clock may throw. Nothing is left to wait for it.
            FlushOld();
            throw;
        }
    }

    private bool TryAdd(FlushedUnmap unmapped, Interval reach, ref TableList unlinked)
    {
        var stripe = _stripes.Enter();
        try
        {
            var set = stripe.Set ??= TakeSpare();
            if (set.IsFull)
            {
                return false;
            }

            if (_timer is not null && set.IsEmpty && Interlocked.Exchange(ref _isTimed, 1) == 0)
            {
                Volatile.Write(ref _mustStartTimer, 1);
            }

            _pages.Mark(reach);
            set.Add(unmapped, reach);
            _retired.Move(ref unlinked, ref set.Unlinked);
            return true;
        }
        finally
        {
            stripe.Exit();
        }
    }

    private bool IsWaiting(Interval range)
    {
        foreach (var stripe in _stripes.All)
        {
            stripe.Enter();
            try
            {
                if (stripe.Set?.Overlaps(range) ?? false)
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

    /// <summary>Flushes all that waits. The caller holds the flush gate.</summary>
    private void FlushAll()
    {
        int count = Take();
        if (count == 0)
        {
            return;
        }

        FlushBatch<TBatch> batch = default;

        // Where unmaps clean, each was fenced before it was added.
        _sync.SubmitAll(ref batch, isFenced: _sync.UnmapsClean);
        _sync.Complete(ref batch);
        _sync.Counters?.AddDrain();
        _pages.Done();
        foreach (var set in _taken.AsSpan(0, count))
        {
            _retired.Release(ref set.Unlinked);
            lock (_setGate)
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
    }

    /// <summary>Takes all that waits, and returns how many sets it is. The caller holds the flush gate.</summary>
    private int Take()
    {
        bool isEmpty = true;
        foreach (var stripe in _stripes.All)
        {
            isEmpty &= stripe.IsEmpty;
        }

        if (isEmpty)
        {
            return 0;
        }

        // What is added from here on has a timer of its own, unless it is taken too.
        Volatile.Write(ref _isTimed, 0);
        _pages.Take();
        int count = 0;
        foreach (var stripe in _stripes.All)
        {
            stripe.Enter();
            try
            {
                if (!stripe.IsEmpty)
                {
                    _taken[count++] = stripe.Set!;
                    stripe.Set = TakeSpare();
                }
            }
            finally
            {
                stripe.Exit();
            }
        }

        return count;
    }

    private PendingUnmaps TakeSpare()
    {
        lock (_setGate)
        {
            return _spare.TryPop(out var set) ? set : new PendingUnmaps(_capacity);
        }
    }

    /// <summary>A set was flushed. The caller holds the gate of the sets.</summary>
    private void Done(PendingUnmaps set)
    {
        if (_listener is null)
        {
            Recycle(set);
        }
        else
        {
            _done.Enqueue(set);
            Volatile.Write(ref _doneCount, _done.Count);
        }
    }

    private void Recycle(PendingUnmaps set)
    {
        set.Clear();
        _spare.Push(set);
    }

    private void TellAll()
    {
        while (TakeDone() is { } set)
        {
            try
            {
                _listener!.Flushed(set.Unmapped);
            }
            finally
            {
                lock (_setGate)
                {
                    Recycle(set);
                }
            }
        }
    }

    private PendingUnmaps? TakeDone()
    {
        lock (_setGate)
        {
            _done.TryDequeue(out var set);
            Volatile.Write(ref _doneCount, _done.Count);
            return set;
        }
    }
}
