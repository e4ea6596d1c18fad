namespace IommuKit.Traces.Audit;

/// <summary>How unmaps were invalidated, and how long after.</summary>
internal sealed class CoverageCounts
{
    // The last calls of a trace may be cut off between their unmap and their invalidation, one on each CPU.
    private const int Grace = 8;

    private long _lastCovered;

    /// <summary>Unmaps of which every page was invalidated.</summary>
    public long Covered { get; private set; }

    /// <summary>Of them, those that the invalidation of one of several domains covers, which may not be theirs.</summary>
    public long Unclear { get; private set; }

    /// <summary>Of them, those whose last invalidation completed others too.</summary>
    public long Shared { get; private set; }

    /// <summary>Of them, those that waited for an invalidation of the whole domain; the cost is their pages.</summary>
    public Tally Deferred { get; } = new();

    /// <summary>Unmaps that something was left of although later ones were invalidated; the cost is pages.</summary>
    public Tally Never { get; } = new();

    /// <summary>Unmaps that something was left of when the trace ended.</summary>
    public long Waiting { get; private set; }

    /// <summary>Unmaps that were not followed to the end.</summary>
    public long GivenUp { get; set; }

    /// <summary>Unmaps whose pages were all unmapped again first.</summary>
    public long Superseded { get; set; }

    /// <summary>Unmaps that removed nothing.</summary>
    public long OfNothing { get; set; }

    /// <summary>Unmaps that were invalidated only when a device came or went.</summary>
    public long AtContextChange { get; set; }

    /// <summary>Events between unmaps and the invalidations that completed them; 1 is the next.</summary>
    public LogHistogram Events { get; } = new();

    /// <summary>Nanoseconds of the trace's clock between them.</summary>
    public LogHistogram Nanoseconds { get; } = new();

    /// <summary>Stale pages when an invalidation dropped some.</summary>
    public LogHistogram Stale { get; } = new();

    /// <summary>Of each page that an invalidation dropped, with how many it was stale.</summary>
    public LogHistogram StaleByPage { get; } = new();

    public void AddCovered(in Invalidation invalidation, in StaleUnmap unmap, long events, bool isUnclear, bool isAlone)
    {
        Covered++;
        Unclear += isUnclear ? 1 : 0;
        _lastCovered = Math.Max(_lastCovered, unmap.Number);
        Events.Add(events);
        if (unmap.Nanoseconds >= 0 && invalidation.Nanoseconds >= 0)
        {
            Nanoseconds.Add(invalidation.Nanoseconds - unmap.Nanoseconds);
        }

        // What comes as the next event and for this unmap alone has waited for nothing.
        if (invalidation.Scope != InvalidationScope.Pages && !(isAlone && events <= 1))
        {
            Deferred.Add(unmap.Line, unmap.Bytes / SmallPage.Bytes);
        }
    }

    /// <summary>Counts what was stale when an invalidation dropped some of it.</summary>
    public void AddStale(ulong bytes, ulong dropped)
    {
        long pages = (long)(bytes / SmallPage.Bytes);
        Stale.Add(pages);
        StaleByPage.Add(pages, Math.Max(1, (long)(dropped / SmallPage.Bytes)));
    }

    public void AddShared(long completed) => Shared += completed > 1 ? completed : 0;

    /// <summary>Counts a piece of an unmap that is left when the trace ends; the unmap itself with its last piece.</summary>
    public void AddUncovered(in StaleUnmap unmap, ulong bytes)
    {
        bool isLast = unmap.Remaining == 0;
        if (unmap.Number + Grace > _lastCovered)
        {
            Waiting += isLast ? 1 : 0;
            return;
        }

        Never.AddCost(bytes / SmallPage.Bytes);
        if (isLast)
        {
            Never.Add(unmap.Line, 0);
        }
    }
}
