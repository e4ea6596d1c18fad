using System.Globalization;

namespace IommuKit.Traces.Audit;

/// <summary>What was counted, as findings: first what is dangerous, then what is wasted.</summary>
internal static class AuditFindings
{
    private const string SeveralDomains = "Several domains may be in the trace, so that the pages may be of two domains and no harm done.";
    private const string LiveOfAll = "Several domains may be in the trace, so that pages of other domains are counted with those that stayed mapped.";

    private const string Missing = "Events are missing from the trace; an invalidation, or what it was for, may be among them.";

    private const string OutOfOrder = "Events are not in the order of their times, so that what came first is not known.";

    public static IReadOnlyList<AuditFinding> Of(AuditPass pass, bool isIncomplete)
    {
        // What an invalidation is for shows in the unmaps alone.
        if (pass.Counts.Unmaps == 0)
        {
            return [];
        }

        bool isMixed = pass.Domains.IsMixed || pass.Counts.MapsOverLive != 0;
        string? unsure = Join(
            Join(isMixed ? SeveralDomains : null, isIncomplete ? Missing : null), pass.Counts.TimesBackwards != 0 ? OutOfOrder : null);
        var waste = pass.Waste;
        AuditFinding?[] findings =
        [
            Finding(
                "reused-before-invalidation",
                pass.Early.Early,
                "stale pages mapped over",
                "An IOVA was mapped again while the IOTLB could still hold its old translation: the device may reach the memory that was "
                    + "there before.",
                unsure),
            Finding(
                "never-invalidated",
                pass.Coverage.Never,
                "pages left stale",
                "Pages were unmapped and never invalidated, though later unmaps were: a device may reach the freed memory without end.",
                unsure),
            Finding(
                "deferred-invalidation",
                pass.Coverage.Deferred,
                "pages unmapped",
                "The unmap returned, and its pages stayed reachable until its domain was invalidated as a whole: that is the price of lazy mode.",
                unsure,
                ("peak_stale_pages", pass.Coverage.Stale.Max)),
            Finding(
                "walk-caches-dropped",
                waste.WalkCaches,
                "walks from the root, at most",
                "IH was 0, so the paging-structure caches went with the leaves: the next access in each 2 MiB walks from the root again. The table stayed in "
                + "use under some (tables in use), and under the others unless the driver frees tables as they become empty. Linux before the fix of 2025 does this "
                + "on every unmap.",
                "Sure are only those whose tables stayed in use."
                    + (isMixed ? $" {LiveOfAll}" : string.Empty),
                ("tables_in_use", waste.TablesInUse),
                ("hinted", waste.Hinted)),
            Finding(
                "whole-domain-invalidated",
                waste.Domains,
                "pages that stayed mapped, at most",
                "All translations of the domain were dropped for the few pages that had been unmapped; what the IOTLB held of the others "
                    + "is fetched again.",
                isMixed ? LiveOfAll : null,
                ("unmapped_pages", waste.DomainPages),
                ("for_one_page", waste.DomainsForOnePage)),
            Finding(
                "range-rounded-up",
                waste.Pages,
                "pages that stayed mapped, at most",
                "More pages were invalidated than unmapped, as VT-d takes only aligned powers of two; what the IOTLB held of the others "
                    + "is fetched again.",
                isMixed ? LiveOfAll : null,
                ("excess_pages", waste.ExcessPages)),
            Finding(
                "not-batched",
                pass.Bursts.Saved,
                "invalidations saved",
                "Unmaps that followed each other closely were invalidated and waited for one by one; one invalidation at the end of each "
                    + "burst would have done.",
                "Only if their caller can keep the memory until the end of the burst."
                    + (isMixed ? " Several domains would need one each." : string.Empty),
                ("longest_burst", pass.Bursts.Longest)),
            MapTime(pass),
            Finding(
                "map-time-invalidation-first-stage",
                waste.MapTimeFirstStage,
                "invalidations",
                "A first-stage table was invalidated after a map, and no hardware may cache its entries that are not present.",
                null),
            Finding(
                "nothing-to-invalidate",
                waste.Needless,
                "invalidations",
                "An invalidation dropped nothing that was unmapped or mapped before it.",
                Join(
                    "The trace may lack what it was for: a change of permissions, or a map or unmap of a kernel path that prints no event.",
                    isIncomplete ? Missing : null)),
        ];
        bool hasMaps = pass.Counts.Maps != 0;
        return [.. findings.OfType<AuditFinding>().Where(finding => hasMaps || !NeedsMaps(finding.Id))];
    }

    // A burst ends with a map, a table stays in use by what is mapped in it, and what seems to be for nothing may be for a map.
    private static bool NeedsMaps(string id) => id is "not-batched" or "walk-caches-dropped" or "nothing-to-invalidate";

    private static string? Join(string? first, string? second) => first is null || second is null ? first ?? second : $"{first} {second}";

    private static AuditFinding? MapTime(AuditPass pass)
    {
        // In caching mode hardware may hold that an entry is not present, and a map has to be told.
        return AuditInference.CachingModeOf(pass) == CachingMode.On
            ? null
            : Finding(
                "map-time-invalidation",
                pass.Waste.MapTime,
                "invalidations",
                "A map was followed by an invalidation. Outside caching mode hardware caches no entries that are not present, and a map needs none.",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"In caching mode they would be needed. Nothing else in the trace shows that mode; it has {pass.Counts.Maps:#,0} maps."));
    }

    private static AuditFinding? Finding(
        string id, Tally tally, string costUnit, string meaning, string? limit, params ReadOnlySpan<(string Name, long Value)> details)
    {
        if (tally.Count == 0)
        {
            return null;
        }

        var values = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var (name, value) in details)
        {
            values[name] = value;
        }

        return new AuditFinding(id, tally.Count, tally.FirstLine, tally.Cost, costUnit, meaning, limit, values);
    }
}
