namespace IommuKit.Analysis.Verdict;

/// <summary>
/// Linux's lazy mode (drivers/iommu/dma-iommu.c): a ring of 256 places for each processor, one of which stays free; the whole domain is flushed when
/// an unmap finds its ring full, and by a timer 10 ms after the first unmap since it last fired.
/// </summary>
internal sealed class LazyFlushes
{
    /// <summary>Unmaps that a processor's ring holds.</summary>
    public const int RingCapacity = 255;

    /// <summary>After how many nanoseconds the timer fires.</summary>
    public const long TimerNanoseconds = 10_000_000;

    // More processors than Linux has.
    private const int MaxCpus = 8192;

    private readonly Dictionary<int, int> _rings = [];
    private readonly GroupedFlushes _waiting = new();
    private long _timer = -1;

    /// <summary>Flushes, and what is reachable until them.</summary>
    public GroupedFlushes Result => _waiting;

    /// <summary>Notes an unmap of something.</summary>
    /// <param name="cpu">Its processor; a negative one counts as one of its own.</param>
    /// <param name="nanoseconds">Its time; negative if it has none.</param>
    /// <param name="bytes">What it unmapped.</param>
    public void Unmapped(int cpu, long nanoseconds, ulong bytes)
    {
        if (_timer >= 0 && nanoseconds >= _timer)
        {
            Fire(_timer);
        }

        if (_rings.GetValueOrDefault(cpu) >= RingCapacity)
        {
            // What waits in other rings is flushed with it, and its places become free when the ring is looked at next: now, as far as flushes go.
            _rings.Clear();
            _waiting.Flush(nanoseconds);
        }

        if (_rings.Count < MaxCpus || _rings.ContainsKey(cpu))
        {
            _rings[cpu] = _rings.GetValueOrDefault(cpu) + 1;
        }

        _waiting.Add(nanoseconds, bytes, cpu: -1);
        if (_timer < 0 && nanoseconds >= 0)
        {
            _timer = nanoseconds + TimerNanoseconds;
        }
    }

    /// <summary>The trace ends: the timer fires once more.</summary>
    public void Finish()
    {
        if (_timer >= 0)
        {
            Fire(_timer);
        }
        else
        {
            _waiting.Flush(-1);
        }
    }

    private void Fire(long nanoseconds)
    {
        _timer = -1;
        _rings.Clear();
        _waiting.Flush(nanoseconds);
    }
}
