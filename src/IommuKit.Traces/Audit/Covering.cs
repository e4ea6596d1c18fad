namespace IommuKit.Traces.Audit;

/// <summary>What invalidations do to what is stale, and what that says of the unmaps.</summary>
/// <param name="stale">What is stale.</param>
/// <param name="coverage">Where the unmaps are counted.</param>
/// <param name="domains">Whether unmaps may be of several domains.</param>
internal sealed class Covering(StaleSet stale, CoverageCounts coverage, DomainsSeen domains)
{
    /// <summary>Takes what an invalidation drops out of what is stale.</summary>
    /// <param name="invalidation">The invalidation.</param>
    /// <param name="eventNumber">Which of the trace's events it is, or that of the unmap that it came before.</param>
    /// <param name="first">The first IOVA of what it is to take.</param>
    /// <param name="last">The last one.</param>
    /// <param name="isContext">Whether it is there because a device came or went.</param>
    /// <param name="hit">What it took.</param>
    public void Cover(in Invalidation invalidation, long eventNumber, ulong first, ulong last, bool isContext, out InvalidationHit hit)
    {
        hit = InvalidationHit.Nothing;
        ulong staleBytes = stale.Bytes;

        // A driver without page-selective invalidations, or for more pages than one can have, takes the whole domain at once.
        bool isAlone = stale.Unmaps == 1;

        // Of several domains one is invalidated here, and nobody says which unmaps are its own.
        bool isUnclear = invalidation.Scope == InvalidationScope.Domain && domains.IsMixed;
        while (stale.TryTake(first, last, out var taken, out var unmap))
        {
            hit = hit.With(taken, unmap);
            if (unmap.Remaining != 0)
            {
                continue;
            }

            if (isContext)
            {
                coverage.AtContextChange++;
            }
            else
            {
                coverage.AddCovered(invalidation, unmap, eventNumber - unmap.Event, isUnclear, isAlone);
            }
        }

        if (hit.Bytes != 0 && !isContext)
        {
            coverage.AddShared(hit.Completed);
            coverage.AddStale(staleBytes, hit.Bytes);
        }
    }
}
