namespace IommuKit.Traces.Audit;

/// <summary>
/// Maps over pages that the IOTLB may still hold. Events of several CPUs with the same time can be printed in the wrong order, so such a map counts
/// only once time has gone on without an invalidation of its pages.
/// </summary>
internal sealed class EarlyReuses
{
    private const int Kept = 64;

    private readonly (ulong First, ulong Last, long Nanoseconds, long Line, ulong Pages)[] _open =
        new (ulong First, ulong Last, long Nanoseconds, long Line, ulong Pages)[Kept];
    private int _count;

    /// <summary>Maps that came too early; the cost is stale pages mapped over.</summary>
    public Tally Early { get; } = new();

    /// <summary>Maps with the same time as the invalidation that follows: nobody knows which came first.</summary>
    public long Ties { get; private set; }

    /// <summary>Notes a map over stale pages.</summary>
    public void Add(ulong first, ulong last, long nanoseconds, long line, ulong pages)
    {
        if (nanoseconds < 0)
        {
            Early.Add(line, pages);
            return;
        }

        if (_count == Kept)
        {
            Finish();
        }

        _open[_count++] = (first, last, nanoseconds, line, pages);
    }

    /// <summary>Notes that an event has a time.</summary>
    public void At(long nanoseconds)
    {
        if (_count != 0 && nanoseconds > _open[0].Nanoseconds)
        {
            Finish();
        }
    }

    /// <summary>Notes an invalidation.</summary>
    public void Invalidated(in Invalidation invalidation)
    {
        for (int at = _count - 1; at >= 0; at--)
        {
            if (_open[at].Nanoseconds == invalidation.Nanoseconds && _open[at].First <= invalidation.Last && _open[at].Last >= invalidation.First)
            {
                Ties++;
                _open[at] = _open[--_count];
            }
        }
    }

    /// <summary>Counts those that are still open.</summary>
    public void Finish()
    {
        foreach (var (_, _, _, line, pages) in _open.AsSpan(0, _count))
        {
            Early.Add(line, pages);
        }

        _count = 0;
    }
}
