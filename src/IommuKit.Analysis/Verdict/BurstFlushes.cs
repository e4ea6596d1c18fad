using IommuKit.Traces.Audit;

namespace IommuKit.Analysis.Verdict;

/// <summary>
/// One flush for each burst of unmaps, and one for each run of unmaps in it whose IOVAs follow each other. A burst is unmaps without a map between
/// them, each at most a millisecond after the one before where events have times; it ends with its last unmap.
/// </summary>
internal sealed class BurstFlushes
{
    private const int MaxProcessors = 4096;

    // The last unmap of each processor.
    private readonly Dictionary<int, (ulong Iova, long Nanoseconds)> _lastOf = [];
    private (ulong First, ulong Last) _run;
    private long _last = -1;

    /// <summary>One for each burst.</summary>
    public GroupedFlushes ByBurst { get; } = new();

    /// <summary>One for each range.</summary>
    public GroupedFlushes ByRange { get; } = new();

    /// <summary>Notes an unmap of something.</summary>
    public void Unmapped(ulong first, ulong last, long nanoseconds, int cpu)
    {
        if (nanoseconds >= 0 && _last >= 0 && nanoseconds - _last > Auditor.MaxBurstPause)
        {
            End();
        }

        bool follows = !ByRange.IsEmpty && ((_run.Last != ulong.MaxValue && first == _run.Last + 1) || (_run.First != 0 && last == _run.First - 1));
        if (!follows)
        {
            ByRange.Flush(_last);
        }

        _run = follows ? (Math.Min(first, _run.First), Math.Max(last, _run.Last)) : (first, last);
        _last = nanoseconds;
        if (_lastOf.Count < MaxProcessors || _lastOf.ContainsKey(cpu))
        {
            _lastOf[cpu] = (first, nanoseconds);
        }

        ulong bytes = last - first == ulong.MaxValue ? ulong.MaxValue : last - first + 1;
        ByBurst.Add(nanoseconds, bytes, cpu);
        ByRange.Add(nanoseconds, bytes, cpu);
    }

    /// <summary>Notes a recorded flush: that of the last unmap of its processor, if it drops that; or everything, soon enough not to be for something
    /// else, such as a device that goes.</summary>
    public void Flushed(in Invalidation flush, int cpu, long nanoseconds)
    {
        bool isOf = _lastOf.TryGetValue(cpu, out var last)
            && (flush.Scope == InvalidationScope.Pages
                ? flush.First <= last.Iova && last.Iova <= flush.Last
                : nanoseconds - last.Nanoseconds <= Auditor.MaxBurstPause);
        if (isOf)
        {
            ByBurst.Flushed(cpu, nanoseconds);
            ByRange.Flushed(cpu, nanoseconds);
        }
    }

    /// <summary>Ends a burst, and what waits for its flush: events are missing, or the trace ends.</summary>
    public void Finish()
    {
        End();
        ByBurst.Finish();
        ByRange.Finish();
    }

    /// <summary>Ends a burst: something was mapped.</summary>
    public void End()
    {
        ByRange.Flush(_last);
        ByBurst.Flush(_last);
        _last = -1;
    }
}
