using System.Globalization;

namespace IommuKit.Traces.Audit;

/// <summary>What cannot be known from a trace.</summary>
internal static class AuditLimits
{
    public static IReadOnlyList<string> Of(AuditPass pass, long overwritten, long missing)
    {
        var limits = new List<string>();
        var counts = pass.Counts;
        void Add(bool applies, string text)
        {
            if (applies)
            {
                limits.Add(text);
            }
        }

        Add(counts.Translations == 0, pass.Kinds.ByKind().Count == 0
            ? "No invalidations were recorded, so nothing can be said about flushes: only how soon IOVAs are used again. On VT-d, record "
                + "intel_iommu:qi_submit too. With AMD-Vi, SMMUv2, SMMUv3, virtio-iommu and Tegra's there is nothing more to record: their drivers in "
                + "Linux have no events of flushes."
            : "No invalidation of the IOTLB was recorded, so nothing can be said about flushes: only how soon IOVAs are used again.");
        Add(counts is { Maps: 0, Unmaps: not 0 }, $"{ForeignForms.OnlyUnmaps}. What was mapped again, and when, is not known; nor where "
            + "bursts end, what tables stay in use, and which invalidations were for maps.");
        Add(
            counts is { Maps: not 0, Unmaps: 0, Translations: not 0 },
            $"{ForeignForms.OnlyMaps}. What invalidations are for, and whether one is missing, is not known.");
        Add(
            overwritten != 0,
            $"Events overwritten before the file was read: {Count(overwritten)}. What was mapped and unmapped there is not known; CPUs "
                + "may begin at different times.");
        Add(counts.Lost != 0, $"Events lost on the way: {Count(counts.Lost)}. Unmaps that were stale there are not followed further, and "
            + "counts of mapped pages may be wrong from there on.");
        Add(missing != 0, $"Events that the file promises and does not have: {Count(missing)}. It is cut off, or lines were taken out of it: then any "
            + "invalidation, map or unmap may be among them.");
        Add(counts.Damaged != 0, $"Damaged lines left out: {Count(counts.Damaged)}. Each is treated as lost events are.");
        Add(counts.VtdMappings != 0, $"Events map_single, map_sg, unmap_single and unmap_sg that VT-d had until Linux 5.10, which are not read: "
            + $"{Count(counts.VtdMappings)}. What they map and unmap is not known; each is treated as lost events are.");
        Add(counts.Unknown != 0, $"Lines that are no events, and left out: {Count(counts.Unknown)}.");
        Add(
            pass.Domains.Domains > 1,
            $"Invalidations are for {pass.Domains.Domains} domains (ids {Ids(pass.Domains.Ids)}), but maps and unmaps do not say theirs: "
                + "an invalidation is taken to be for the unmaps whose pages it covers.");
        Add(
            counts.MapsOverLive != 0,
            $"Maps over pages that are mapped: {Count(counts.MapsOverLive)} (first: line {counts.FirstMapOverLive}). Several domains use "
                + "the same IOVAs, or events are missing.");
        Add(counts.Orphans != 0, $"Unmaps of pages that were not seen mapped: {Count(counts.Orphans)}.");
        Add(
            pass.Coverage.AtContextChange != 0,
            $"Unmaps invalidated only when a device came or went: {Count(pass.Coverage.AtContextChange)}. If their domain had no device "
                + "any more, nothing was stale; they are not in the window.");
        Add(pass.Domains.Units > 1, $"Invalidations go to {pass.Domains.Units} units, which number domains each for themselves: an unmap "
            + "counts as invalidated with the first of them.");
        Add(!counts.HasTimes, "The events have no times, only their order: the window is given in events and pages.");
        Add(counts.TimesBackwards != 0, $"Events with an earlier time than the one before them: {Count(counts.TimesBackwards)}. The order "
            + "of events is that of the lines.");
        Add(pass.Early.Ties != 0, $"Maps over stale pages with the time of the invalidation printed after them: {Count(pass.Early.Ties)}. "
            + "Which came first is not known, and they are not counted.");
        Add(
            pass.Coverage.GivenUp != 0 && counts.Lost == 0 && counts.Damaged == 0 && counts.VtdMappings == 0,
            $"Too many unmaps waited for an invalidation at a time: {Count(pass.Coverage.GivenUp)} were not followed to the end.");
        Add(pass.Reuse.IsPartial, "There are too many different IOVAs to remember: reuse is counted for the first of them only.");
        return limits;
    }

    private static string Ids(IReadOnlyList<int> ids) =>
        string.Join(", ", ids.Take(8)) + (ids.Count > 8 ? ", …" : string.Empty);

    private static string Count(long count) => count.ToString("#,0", CultureInfo.InvariantCulture);
}
