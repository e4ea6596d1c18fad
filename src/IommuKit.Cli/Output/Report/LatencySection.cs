using IommuKit.Lab.Replay;
using IommuKit.Lab.Report;

namespace IommuKit.Cli.Output.Report;

/// <summary>How long single maps and unmaps of a trace take under each policy.</summary>
internal static class LatencySection
{
    private static readonly double[] Shares = [0.5, 0.9, 0.99, 0.999];

    public static ReportSection Of(ReportRun run) => new("latency", "Latencies of recorded work", body =>
    {
        body.Paragraph(
            $"Maps and unmaps that a real kernel did, done again on {run.Request.Kind.Name} under each policy. "
            + $"Latencies are virtual time: operations times the costs {run.Costs.Name}. The events and their order are real. "
            + "From one mark of the axis of time to the next it is ten times as long.");
        foreach (var trace in run.Traces)
        {
            Write(body, trace);
        }
    });

    /// <summary>The sentences about it in the summary.</summary>
    public static IEnumerable<string> Summary(ReportRun run) =>
        from trace in run.Traces
        where trace.Attribution is not null
        let slowest = trace.Replays.MaxBy(replay => replay.VirtualMicroseconds)!
        let fastest = trace.Replays.MinBy(replay => replay.VirtualMicroseconds)!
        select $"{Path.GetFileName(trace.File)} takes {Total(slowest)} ms of virtual time under {slowest.Policy}"
            + (slowest.Policy == fastest.Policy ? "." : $" and {Total(fastest)} ms under {fastest.Policy}.");

    private static void Write(ReportBody body, TraceRun trace)
    {
        body.Heading(trace.File);
        body.Paragraph($"{TraceNotes.Contents(trace.Replays[0].Trace)}.");
        string[] notes =
        [
            .. TraceNotes.Of(trace.Replays[0].Trace),
            .. trace.Replays.SelectMany(replay => replay.Skipped).Distinct()
                .Select(skipped => $"skipped: {Skips.Describe(skipped, "the IOMMU")}"),
        ];
        if (notes.Length != 0)
        {
            body.List(notes);
        }

        if (trace.Attribution is not { } attribution)
        {
            body.Paragraph("Nothing of it could be replayed on this IOMMU.");
            return;
        }

        body.Panels(() =>
        {
            WriteLatency(body, trace, "map", replay => replay.Histograms!.Value.Maps);
            WriteLatency(body, trace, "unmap", replay => replay.Histograms!.Value.Unmaps);
        });
        body.Details("Whole replays", Totals(trace.Replays));
        if (attribution.IsDifferent)
        {
            body.Figure(
                AttributionSection.Chart(
                    attribution, "Where the gain on this trace comes from", AttributionSection.Times(attribution), attribution.ByCause),
                AttributionSection.Table([attribution], "Shares of the gain", one => one.ByCause));
        }
    }

    private static void WriteLatency(ReportBody body, TraceRun trace, string what, Func<ReplayResult, LatencyHistogram> histogramOf)
    {
        if (histogramOf(trace.Replays[0]).Count == 0)
        {
            return;
        }

        // Policies that never differ are one line with all their names.
        var curves = trace.Replays.GroupBy(replay => Fingerprint(histogramOf(replay)), StringComparer.Ordinal).Select(same => new Curve(
            string.Join(", ", same.Select(replay => replay.Policy)), (int)same.First().Policy, histogramOf(same.First()).Percentile)).ToList();
        var axis = Axis.Logarithmic(
            trace.Replays.SelectMany(replay => new[] { histogramOf(replay).Percentile(0), histogramOf(replay).MaxMicroseconds }), Numbers.Scale);
        body.Figure(
            new CurveChart(
                $"Latency of each {what}", $"Upwards: the share of all {what}s that take no longer.", axis, "µs (virtual time)", curves),
            Percentiles(trace, what, histogramOf));
    }

    private static string Fingerprint(LatencyHistogram histogram) =>
        string.Join(' ', Enumerable.Range(0, 1001).Select(share => Numbers.Microseconds(histogram.Percentile(share / 1000.0))));

    private static ReportTable Percentiles(TraceRun trace, string what, Func<ReplayResult, LatencyHistogram> histogramOf) => new(
        $"Latency of each {what}, µs of virtual time",
        [new("Policy", false), new("Count"), new("p50"), new("p90"), new("p99"), new("p99.9"), new("Max")],
        [
            .. trace.Replays.Select(replay => (string[])
            [
                replay.Policy.ToString(),
                Numbers.Count(histogramOf(replay).Count),
                .. Shares.Select(share => Numbers.Microseconds(histogramOf(replay).Percentile(share))),
                Numbers.Microseconds(histogramOf(replay).MaxMicroseconds),
            ]),
        ]);

    private static ReportTable Totals(IReadOnlyList<ReplayResult> replays) => new(
        "All maps and unmaps together, and what the driver did; ms of virtual time",
        [new("Policy", false), new("Total ms"), new("Writes"), new("Reads"), new("Lines"), new("Barriers"), new("Skipped")],
        [
            .. replays.Select(replay => new[]
            {
                replay.Policy.ToString(),
                Total(replay),
                Numbers.Count(replay.Counts.RegisterWrites.Total),
                Numbers.Count(replay.Counts.RegisterReads.Total),
                Numbers.Count(replay.Counts.LinesCleaned),
                Numbers.Count(replay.Counts.Barriers),
                Numbers.Count(replay.SkippedCount),
            }),
        ]);

    private static string Total(ReplayResult replay) => FormattableString.Invariant($"{replay.VirtualMicroseconds / 1000:#,0.0}");
}
