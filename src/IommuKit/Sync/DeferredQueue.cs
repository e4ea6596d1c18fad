using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>
/// Ranges that are unmapped in memory but perhaps not in the hardware's caches, and the tables that must wait for it. They are
/// flushed together: when the queue is full, when the oldest is too old, when one of the ranges is to be mapped again, or on request. Thread-safe.
/// </summary>
/// <remarks>There is no timer: age is looked at when a range is added. A program that stops unmapping flushes by itself.</remarks>
internal sealed class DeferredQueue<THardware>
    where THardware : struct, IDomainHardware
{
    private readonly Lock _gate = new();
    private readonly DomainSync<THardware> _sync;
    private readonly TimeProvider _clock;
    private readonly long _maxAge;
    private readonly Interval[] _ranges;
    private int _count;
    private long _oldest;
    private Interval _all = Interval.Empty;
    private TableList _unlinked;

    public DeferredQueue(DomainSync<THardware> sync, int capacity, TimeSpan maxAge, TimeProvider clock)
    {
        _sync = sync;
        _clock = clock;
        _maxAge = (long)Math.Min(maxAge.TotalSeconds * clock.TimestampFrequency, long.MaxValue / 2);
        _ranges = new Interval[capacity];
    }

    /// <summary>The time for <see cref="Add"/>. Asked before anything is unmapped: a clock is the caller's own, and may throw.</summary>
    public long Now() => _clock.GetTimestamp();

    /// <summary>Adds a range that was unmapped, and takes over the tables that it unlinked.</summary>
    public void Add(Interval range, TableList unlinked, long now)
    {
        lock (_gate)
        {
            if (_count == _ranges.Length || (_count != 0 && now - _oldest >= _maxAge))
            {
                FlushAll();
            }

            if (_count == 0)
            {
                _oldest = now;
            }

            _ranges[_count++] = range;
            _all = _all.Around(range);
            _sync.Move(ref unlinked, ref _unlinked);
        }
    }

    /// <summary>Flushes if part of <paramref name="range"/> waits in the queue.</summary>
    public void FlushIfQueued(Interval range)
    {
        lock (_gate)
        {
            if (_all.Overlaps(range) && IsQueued(range))
            {
                FlushAll();
            }
        }
    }

    /// <summary>Flushes everything.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            FlushAll();
        }
    }

    private bool IsQueued(Interval range)
    {
        for (int i = 0; i < _count; i++)
        {
            if (_ranges[i].Overlaps(range))
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
            _sync.InvalidateAll();
            _sync.Counters?.AddDrain();
        }

        _count = 0;
        _all = Interval.Empty;
        _sync.Release(ref _unlinked);
    }
}
