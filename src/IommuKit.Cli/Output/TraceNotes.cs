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
    public static string Origin(TraceSummary trace) =>
        (trace.RecordedOn is { } iommu ? $"recorded on {iommu}, not on what is modelled here" : "it does not say on what IOMMU it was recorded")
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
