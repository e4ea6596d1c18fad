namespace IommuKit.Traces.Audit;

/// <summary>What became of the unmaps of a trace. The counts of unmaps add up to all of them.</summary>
public sealed class AuditCoverage
{
    internal AuditCoverage(CoverageCounts counts, AuditCounts trace, WastedInvalidations waste)
    {
        Covered = counts.Covered - counts.Unclear;
        Unclear = counts.Unclear;
        Shared = counts.Shared;
        NeverCovered = counts.Never.Count;
        Waiting = counts.Waiting;
        Superseded = counts.Superseded;
        NotFollowed = counts.GivenUp;
        OfNothing = counts.OfNothing;
        Translations = trace.Translations;
        MapTime = waste.MapTime.Count + waste.MapTimeFirstStage.Count;
        ContextChanges = trace.ContextChanges;
        Repeats = trace.Repeats;
        AtContextChange = counts.AtContextChange;
        WindowEvents = counts.Events;
        WindowNanoseconds = counts.Nanoseconds;
        WindowStalePages = counts.Stale;
        PagesAtOnce = counts.StaleByPage;
    }

    /// <summary>Unmaps of which every page was invalidated.</summary>
    public long Covered { get; }

    /// <summary>Unmaps of which every page was invalidated for one of several domains; nobody knows whether it was theirs.</summary>
    public long Unclear { get; }

    /// <summary>Of both, those whose last invalidation completed others too.</summary>
    public long Shared { get; }

    /// <summary>
    /// Unmaps that were invalidated only when a device came or went. Where it had gone before, and the domain had no device, nothing was stale; a
    /// trace does not say so.
    /// </summary>
    public long AtContextChange { get; }

    /// <summary>Unmaps of which something was not invalidated although later unmaps were.</summary>
    public long NeverCovered { get; }

    /// <summary>Unmaps of which something was not invalidated when the trace ended.</summary>
    public long Waiting { get; }

    /// <summary>Unmaps whose pages were all unmapped again before they were invalidated.</summary>
    public long Superseded { get; }

    /// <summary>Unmaps that could not be followed: events are missing after them, or there were too many at a time.</summary>
    public long NotFollowed { get; }

    /// <summary>Unmaps that removed nothing.</summary>
    public long OfNothing { get; }

    /// <summary>Invalidations of the IOTLB.</summary>
    public long Translations { get; }

    /// <summary>Of them, those that follow a map.</summary>
    public long MapTime { get; }

    /// <summary>Of them, those of a device that came or went.</summary>
    public long ContextChanges { get; }

    /// <summary>Of them, those that repeat the one before for another unit or cache.</summary>
    public long Repeats { get; }

    /// <summary>Events of the trace between an unmap and the invalidation that completed it; 1 is the next, 0 one within the unmap.</summary>
    public LogHistogram WindowEvents { get; }

    /// <summary>The same in nanoseconds of the trace's clock; empty if it measures no time.</summary>
    public LogHistogram WindowNanoseconds { get; }

    /// <summary>Stale pages at invalidations that dropped some.</summary>
    public LogHistogram WindowStalePages { get; }

    /// <summary>
    /// The same, counted once for each page that an invalidation dropped: with how many pages each was stale in the end. Its numbers compare with
    /// those of other ways to flush, however many invalidations either has.
    /// </summary>
    public LogHistogram PagesAtOnce { get; }
}
