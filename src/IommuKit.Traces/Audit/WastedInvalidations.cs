namespace IommuKit.Traces.Audit;

/// <summary>Invalidations that dropped more than they had to, or had nothing to drop.</summary>
internal sealed class WastedInvalidations
{
    /// <summary>Whole domains because of unmaps; the cost is pages that stayed mapped.</summary>
    public Tally Domains { get; } = new();

    /// <summary>Of them, those with a single unmapped page.</summary>
    public long DomainsForOnePage { get; private set; }

    /// <summary>Pages unmapped that they were for.</summary>
    public long DomainPages { get; private set; }

    /// <summary>Pages beyond those unmapped; the cost is those of them that stayed mapped.</summary>
    public Tally Pages { get; } = new();

    /// <summary>Pages beyond those unmapped, mapped or not.</summary>
    public long ExcessPages { get; private set; }

    /// <summary>Paging-structure caches dropped with leaves; the cost is blocks of 2 MiB.</summary>
    public Tally WalkCaches { get; } = new();

    /// <summary>Of them, those that no driver could need: other pages stayed mapped in every table.</summary>
    public long TablesInUse { get; private set; }

    /// <summary>Page-selective invalidations for unmaps that may keep the walk caches, as they do.</summary>
    public long Hinted { get; private set; }

    /// <summary>After maps.</summary>
    public Tally MapTime { get; } = new();

    /// <summary>Of them, those of first-stage tables.</summary>
    public Tally MapTimeFirstStage { get; } = new();

    /// <summary>For nothing.</summary>
    public Tally Needless { get; private set; } = new();

    public void AddNeedless(Tally needless) => Needless = needless;

    public void AddMapTime(in Invalidation invalidation) => (invalidation.IsFirstStage ? MapTimeFirstStage : MapTime).Add(invalidation.Line, 1);

    /// <summary>Compares what an invalidation dropped with what had been unmapped.</summary>
    /// <param name="invalidation">The invalidation.</param>
    /// <param name="hit">What it dropped that had been unmapped.</param>
    /// <param name="live">What is mapped.</param>
    public void AddWidth(in Invalidation invalidation, in InvalidationHit hit, SummedSet live)
    {
        ulong pages = hit.Bytes / SmallPage.Bytes;
        if (invalidation.Scope != InvalidationScope.Pages)
        {
            Domains.Add(invalidation.Line, live.BytesIn(invalidation.First, invalidation.Last) / SmallPage.Bytes);
            DomainsForOnePage += pages == 1 ? 1 : 0;
            DomainPages += (long)pages;
        }
        else if (invalidation.Pages > pages)
        {
            Pages.Add(invalidation.Line, live.BytesIn(invalidation.First, invalidation.Last) / SmallPage.Bytes);
            ExcessPages += (long)(invalidation.Pages - pages);
        }
    }

    /// <summary>
    /// Sees whether paging-structure caches were dropped for nothing. Only where the invalidation is exactly for these unmaps: another may have freed
    /// a table.
    /// </summary>
    public void AddHint(in Invalidation invalidation, in InvalidationHit hit)
    {
        if (invalidation.Scope != InvalidationScope.Pages || invalidation.IsCacheTag || hit.Bytes == 0)
        {
            return;
        }

        if (!invalidation.DropsWalkCaches)
        {
            Hinted++;
        }
        else if (!hit.CanFreeTable && MapRuns.IsRounding(hit.First, hit.Last, invalidation.First, invalidation.Last))
        {
            WalkCaches.Add(invalidation.Line, TableBlocks.CountIn(invalidation.First, invalidation.Last));
            TablesInUse += hit.LeavesTablesInUse ? 1 : 0;
        }
    }
}
