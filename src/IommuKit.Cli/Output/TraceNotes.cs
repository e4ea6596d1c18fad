using System.Globalization;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>What is in a trace, and what limits what can be said about it.</summary>
internal static class TraceNotes
{
    /// <summary>How much is in it.</summary>
    public static string Contents(TraceSummary trace) =>
        $"{Numbers.Count(trace.Maps, "map")}, {Numbers.Count(trace.Unmaps, "unmap")}, {Numbers.Count(trace.Others, "other event")} "
        + $"in {Numbers.Count(trace.Lines, "line")}; {Numbers.Count((long)trace.LivePages, "page")} live at the end, "
        + $"{Numbers.Count((long)trace.PeakLivePages)} at most";

    /// <summary>On what hardware it was recorded, and what of a replay is that hardware's.</summary>
    /// <param name="result">A replay of it.</param>
    public static string Origin(ReplayResult result) =>
        (result.Trace.RecordedOn is { } iommu
            ? $"recorded on {iommu}, {(result.IsAsRecorded ? "and modelled as such, though perhaps not as that one" : "not on what is modelled here")}"
            : "it does not say on what IOMMU it was recorded")
        + ": maps and unmaps are the trace's, flushes, times and what is left reachable the model's";

    /// <summary>What is missing or odd.</summary>
    public static IEnumerable<string> Of(TraceSummary trace)
    {
        if (trace.Problem is not null)
        {
            yield return $"{trace.Problem}: what comes before is below";
        }

        if (trace.WhyNoMaps is { } why)
        {
            yield return why;
        }

        if (trace.Lost != 0)
        {
            yield return $"{Numbers.Count(trace.Lost, "event")} lost in recording: whatever was mapped or unmapped there is missing below";
        }

        if (trace.Missing != 0)
        {
            yield return $"{Numbers.Count(trace.Missing, "event")} missing that the file promises: it is cut off";
        }

        if (trace.MapsOverLive != 0)
        {
            yield return $"{Numbers.Count(trace.MapsOverLive, "map")} over pages that are mapped (first: line {trace.FirstMapOverLive}): "
                + "several domains in one trace, or lost events";
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
        return byIommu.Select(one => one.Least).Distinct().Count() == 1
            ? InTitle(byIommu[0].Least)
            : string.Join(", ", byIommu.Select(one => $"{one.Key}: {InTitle(one.Least)}"));
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
