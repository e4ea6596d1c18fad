using IommuKit.Traces.Audit;

namespace IommuKit.Analysis.Verdict;

/// <summary>
/// One flush for each burst of unmaps, and one for each run of unmaps in it whose IOVAs follow each other. A burst is unmaps without a map between
/// them, each at most a millisecond after the one before where events have times; it ends with its last unmap.
/// </summary>
internal sealed class BurstFlushes
{
    private (ulong First, ulong Last) _run;
    private long _last = -1;

    /// <summary>One for each burst.</summary>
    public GroupedFlushes ByBurst { get; } = new();

    /// <summary>One for each range.</summary>
    public GroupedFlushes ByRange { get; } = new();

    /// <summary>Notes an unmap of something.</summary>
    public void Unmapped(ulong first, ulong last, long nanoseconds)
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
        ulong bytes = last - first == ulong.MaxValue ? ulong.MaxValue : last - first + 1;
        ByBurst.Add(nanoseconds, bytes);
        ByRange.Add(nanoseconds, bytes);
    }

    /// <summary>Ends a burst: something was mapped, events are missing, or the trace ends.</summary>
    public void End()
    {
        ByRange.Flush(_last);
        ByBurst.Flush(_last);
        _last = -1;
    }
}
