using System.Globalization;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>What is in a trace, and what limits what can be said about it.</summary>
internal static class TraceNotes
{
    private const string NotFlushes = "how often the recorded kernel flushed is not in the trace: it may do so once for each unmap already, as Gather does";

    // A few flushes are for devices that come and go.
    private const double AboutOnce = 1.05;

    // Logarithms of counts: a few per cent.
    private const double AboutEqual = 0.05;

    // A kernel that flushes less often for its unmaps puts it off.
    private const double Seldom = 0.5;

    /// <summary>How much is in it.</summary>
    public static string Contents(TraceSummary trace) =>
        $"{Numbers.Count(trace.Maps, "map")}, {Numbers.Count(trace.Unmaps, "unmap")}, {Numbers.Count(trace.Others, "other event")} "
        + $"in {Numbers.Count(trace.Lines, "line")}; {Numbers.Count((long)trace.LivePages, "page")} live at the end, "
        + $"{Numbers.Count((long)trace.PeakLivePages)} at most";

    /// <summary>On what hardware it was recorded, and what of a replay is that hardware's.</summary>
    /// <param name="results">Replays of it.</param>
    public static string Origin(params IReadOnlyList<ReplayResult> results) =>
        (results[0].Trace.RecordedOn is { } iommu
            ? $"recorded on {iommu}, {IsModelled(results.Count(result => result.IsAsRecorded), results.Count)}"
            : "it does not say on what IOMMU it was recorded; --iommu chooses what it is replayed on")
        + ": maps and unmaps are the trace's, flushes, times and what is left reachable the model's";

    private static string IsModelled(int asRecorded, int all) =>
        asRecorded == all ? "and modelled as such, though perhaps not as that one"
        : asRecorded == 0 ? "not on what is modelled here"
        : "and only some of what is modelled here is such";

    /// <summary>How often the recorded kernel flushed, and which policy comes closest to that: none of them is the recording.</summary>
    /// <param name="results">Replays of one trace.</param>
    public static string Flushes(IReadOnlyList<ReplayResult> results)
    {
        var trace = results[0].Trace;
        if (trace.Flushes == 0)
        {
            return NotFlushes;
        }

        double Distance(ReplayResult result) => Math.Abs(Math.Log((double)result.Counts.For(OperationPurpose.Tlb) / trace.Flushes));
        bool isDeferred = trace.Flushes < Seldom * trace.Unmaps;
        var comparable = results.Where(result =>
            result is { IsAsRecorded: true, HasTraits: true } && result.Counts.For(OperationPurpose.Tlb) != 0 && result.Policy.IsFull() != isDeferred).ToList();
        if (comparable.Select(result => result.Policy).Distinct().Count() < 2)
        {
            return Often(trace);
        }

        double least = comparable.Min(Distance);
        SyncPolicy[] closest = [.. comparable.Where(result => Distance(result) <= least + AboutEqual).Select(result => result.Policy).Distinct()];
        return $"{Often(trace)}: what comes closest to that, and is to be compared with, is {string.Join(" or ", closest)}";
    }

    /// <summary>Whether the recorded kernel has the gain of a policy over another already.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="from">The policy that is compared with.</param>
    /// <param name="to">The other one.</param>
    public static string Gain(TraceSummary trace, SyncPolicy from, SyncPolicy to)
    {
        if (trace.Flushes == 0)
        {
            return NotFlushes;
        }

        bool isOnce = trace.Unmaps != 0 && trace.Flushes <= AboutOnce * trace.Unmaps;
        bool hasIt = isOnce && from == SyncPolicy.PerPage && to is SyncPolicy.RangeFlush or SyncPolicy.SplitSync or SyncPolicy.Gather;
        return hasIt ? $"{Often(trace)}, not for every page: it has this gain already" : Often(trace);
    }

    private static string Often(TraceSummary trace) =>
        $"the recorded kernel flushed {Numbers.Count(trace.Flushes, "time")} for {Numbers.Count(trace.Unmaps, "unmap")}";

    /// <summary>What is missing or odd.</summary>
    public static IEnumerable<string> Of(TraceSummary trace)
    {
        if (trace.Problem is not null)
        {
            yield return $"{trace.Problem}; what could be read is below";
        }

        if (trace.WhyNoMaps is { } why)
        {
            yield return why;
        }

        if (trace.Lost != 0)
        {
            yield return $"{Numbers.Count(trace.Lost, "event")} lost in recording: whatever was mapped or unmapped there is missing below";
        }

        // The problem says the same.
        if (trace is { Missing: not 0, Problem: null })
        {
            yield return $"{Numbers.Count(trace.Missing, "event")} missing that the file promises: it is cut off, or lines were taken out";
        }

        if (trace.MapsOverLive != 0)
        {
            string maps = $"{Numbers.Count(trace.MapsOverLive, "map")} over pages that are mapped (first: line {trace.FirstMapOverLive}): ";
            yield return maps
                + (trace is { Domains: > 1, Lost: 0, Missing: 0 } ? "of other domains, as no event is missing" : "several domains in one trace, or lost events")
                + (trace.Domains > 1 ? $"; replayed in {trace.Domains} domains" : string.Empty);
        }

        if (trace.Orphans != 0)
        {
            yield return $"{Numbers.Count(trace.Orphans, "unmap")} of pages that were not seen mapped";
        }

        if (trace.UnknownLines != 0)
        {
            yield return $"not events: {Numbers.Count(trace.UnknownLines, "line")}";
        }

        if (!trace.HasTimes)
        {
            yield return "the events have no times: under Deferred only a full queue, or reuse of an IOVA, flushes";
        }
    }
}

/// <summary>How much of a trace a result is about, in words.</summary>
internal static class Coverage
{
    /// <summary>The least that one of the results covers; null if the trace has no map and no unmap.</summary>
    public static double? Least(IEnumerable<ReplayResult> results) => results.Min(result => result.Coverage);

    /// <summary>A share as percents: 100 only if it is everything, 0 only if it is nothing.</summary>
    public static string Percent(double share)
    {
        double tenths = Math.Floor(share * 1000);
        return tenths == 0 && share > 0 ? "less than 0.1 %" : string.Create(CultureInfo.InvariantCulture, $"{tenths / 10:0.#} %");
    }

    /// <summary>For a heading: what all of the results cover; where IOMMUs differ, what each does.</summary>
    public static string InTitle(IEnumerable<ReplayResult> results)
    {
        var byIommu = results.GroupBy(result => result.Iommu, StringComparer.Ordinal).Select(same => (same.Key, Least: Least(same))).ToList();
        var byShare = byIommu.GroupBy(one => one.Least, one => one.Key).ToList();
        return byShare.Count == 1
            ? InTitle(byIommu[0].Least)
            : string.Join(", ", byShare.Select(same => $"{Names.Few([.. same])}: {InTitle(same.Key)}"));
    }

    private static string InTitle(double? least) => least switch
    {
        null => "nothing in the trace to replay",
        1 => "all of the trace replayed",
        { } share => $"{Percent(share)} of the trace replayed",
    };
}

/// <summary>What of a trace was skipped.</summary>
internal static class SkipText
{
    /// <summary>What a field of them says.</summary>
    public const string Meaning = "what was skipped, by `reason`: `beyond-aperture`, `beyond-physical-width`, `over-live-mapping`, `not-mapped`, "
        + "`no-table-memory`, `misaligned` (not made of whole pages of the page table), `vtd-mapping` (VT-d's own events of Linux until 5.10, which are "
        + "not read) or `damaged`";

    /// <summary>Events that were skipped for one reason.</summary>
    public static FieldList<SkippedEvents> Fields { get; } = new("skipped")
    {
        { "reason", "why", skipped => Names.Of(skipped.Reason) },
        { "count", "events", skipped => skipped.Count },
        { "first_line", "the first of them; of a `trace.dat`, lines are events", skipped => skipped.FirstLine },
        { "last_line", "the last of them", skipped => skipped.LastLine },
    };

    /// <summary>One reason: how often, why, where.</summary>
    /// <param name="skipped">The events.</param>
    /// <param name="by">What they do not fit: "the IOMMU", "the format".</param>
    public static string Describe(SkippedEvents skipped, string by)
    {
        var (thing, which) = skipped.Reason switch
        {
            SkipReason.BeyondAperture => ("event", $" with IOVAs beyond what {by} can translate"),
            SkipReason.BeyondPhysicalWidth => ("map", $" to physical addresses that {by} cannot hold"),
            SkipReason.OverLiveMapping => ("map", " over pages that are mapped"),
            SkipReason.NotMapped => ("unmap", " of pages that are not mapped here"),
            SkipReason.NoTableMemory => ("event", " without memory for page tables"),
            SkipReason.Misaligned => ("event", " not made of whole pages of the page table"),
            SkipReason.VtdMapping => ("event", " of VT-d's own until Linux 5.10 (map_single, map_sg, unmap_single, unmap_sg), which are not read"),
            _ => ("damaged line", string.Empty),
        };
        string lines = skipped.FirstLine == skipped.LastLine ? $"line {skipped.FirstLine}" : $"lines {skipped.FirstLine}–{skipped.LastLine}";
        return $"{Numbers.Count(skipped.Count, thing)}{which}, {lines}";
    }
}
