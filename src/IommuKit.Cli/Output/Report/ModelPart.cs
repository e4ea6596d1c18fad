using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Analysis.Explain;
using IommuKit.Analysis.Report;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output.Report;

/// <summary>The work of a trace done again on a model, under each policy.</summary>
internal static class ModelPart
{
    // Curves that differ by less than this factor lie on each other, and what spreads by less is one upright line.
    private const double Visible = 1.05;

    // A part of so much of a whole makes a bar that says nothing.
    private const double Whole = 0.995;

    private static readonly double[] Shares = [0.5, 0.9, 0.99, 0.999];

    public static void Write(ReportBody body, ReportRun run, TraceRun trace)
    {
        body.Paragraph(
            $"{run.Request.Kind.Name}: {run.Request.Kind.Description}. Maps and unmaps that a real kernel did, done again on its model under each policy. "
                + $"Times are virtual: operations that were counted, times the costs {run.Costs.Name}. They are no times of the machine that was recorded.");
        body.Paragraph($"{TraceNotes.Contents(trace.Replays[0].Trace)}.");
        if (ChosenText.Of(trace.Replays) is { } chosen)
        {
            body.Paragraph($"{char.ToUpperInvariant(chosen[0])}{chosen[1..]}.");
        }

        string[] notes =
        [
            .. TraceNotes.Of(trace.Replays[0].Trace),
            .. trace.Replays.SelectMany(replay => replay.Skipped).Distinct()
                .Select(skipped => $"skipped: {SkipText.Describe(skipped, "the IOMMU")}"),
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

        body.Table(Totals(trace.Replays));
        body.List([.. Promises.Sentences(trace.Replays)]);
        body.Panels(() =>
        {
            WriteLatency(body, trace, "map", replay => replay.Histograms!.Value.Maps);
            WriteLatency(body, trace, "unmap", replay => replay.Histograms!.Value.Unmaps);
        });
        WriteCauses(body, attribution);
    }

    private static void WriteCauses(ReportBody body, Attribution attribution)
    {
        if (!attribution.IsDifferent)
        {
            return;
        }

        if (attribution.IsLoss)
        {
            body.Paragraph($"{ReportRun.ToOfTrace} is the slower one on this trace: {AttributionSection.Times(attribution, ReportRun.ToOfTrace)}");
            return;
        }

        const string Title = "Where the gain on this trace comes from";
        var table = AttributionSection.Table([attribution], "Shares of the gain", one => one.ByCause, ReportRun.ToOfTrace);
        if (attribution is { IsUnique: true } && attribution.ByCause.FirstOrDefault(part => part.Share >= Whole) is { } all)
        {
            body.Paragraph($"{Title}: all of it from {all.Name}. {AttributionSection.Times(attribution, ReportRun.ToOfTrace)}");
            body.Details("The numbers", table);
            return;
        }

        body.Figure(AttributionSection.Chart(attribution, Title, AttributionSection.Times(attribution, ReportRun.ToOfTrace), attribution.ByCause), table);
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
        if (!IsWorthACurve(trace, histogramOf))
        {
            body.Details($"Latency of each {what}: no difference that could be seen", Percentiles(trace, what, histogramOf));
            return;
        }

        body.Figure(
            new CurveChart(
                $"Latency of each {what}", $"Upwards: the share of all {what}s that take no longer.", axis, "µs (virtual time)", curves),
            Percentiles(trace, what, histogramOf));
    }

    /// <summary>Whether policies differ in it, and it is not the same for nearly all.</summary>
    private static bool IsWorthACurve(TraceRun trace, Func<ReplayResult, LatencyHistogram> histogramOf)
    {
        var histograms = trace.Replays.Select(histogramOf).ToList();
        bool isDifferent = Shares.Any(share =>
        {
            double[] values = [.. histograms.Select(histogram => histogram.Percentile(share))];
            return values.Max() > Visible * values.Min();
        });
        return isDifferent && histograms.Max(histogram => histogram.Percentile(0.99)) > Visible * histograms.Min(histogram => histogram.Percentile(0.01));
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

    /// <summary>As the table of <c>replay</c>: equal results in one row, what is left reachable beside the time, and nothing that is 0 everywhere.</summary>
    private static ReportTable Totals(IReadOnlyList<ReplayResult> replays)
    {
        var columns = new List<(ReportColumn Column, Func<ReplayResult, string> Cell)> { (new("Total ms"), Total) };
        if (replays.FirstOrDefault(replay => replay.Policy == SyncPolicy.PerPage) is { } perPage)
        {
            columns.Add((new("Faster"), replay => Numbers.Times(perPage.VirtualMicroseconds, replay.VirtualMicroseconds)));
        }

        columns.AddRange(Promises.Columns(replays[0].Trace.HasTimes).Select(column => (new ReportColumn(column.Header), column.Cell)));
        columns.AddRange(CountColumns(replays).Select(column =>
            (new ReportColumn(column.Header), (Func<ReplayResult, string>)(replay => Numbers.Count(replay.Counts[column.Kind])))));
        if (replays.Any(replay => replay.SkippedCount != 0))
        {
            columns.Add((new("Skipped"), replay => Numbers.Count(replay.SkippedCount)));
        }

        return new ReportTable(
            "All maps and unmaps together, what they leave reachable, and what the driver did; ms of virtual time",
            [new("Policy", false), .. columns.Select(column => column.Column)],
            [
                .. replays.GroupBy(Outcome.Of).Select(same => (string[])
                [
                    Outcome.NamesOf(same.Select(replay => replay.Policy)),
                    .. columns.Select(column => column.Cell(same.First())),
                ]),
            ]);
    }

    /// <summary>What the driver did at all.</summary>
    private static IEnumerable<(string Header, OperationKind Kind)> CountColumns(IReadOnlyList<ReplayResult> replays)
    {
        (string Header, OperationKind Kind)[] all =
        [
            ("Commands", OperationKind.Command),
            ("Doorbells", OperationKind.Doorbell),
            ("Requests", OperationKind.Request),
            ("Writes", OperationKind.RegisterWrite),
            ("Reads", OperationKind.RegisterRead),
            ("Lines", OperationKind.LineCleaned),
            ("Barriers", OperationKind.Barrier),
        ];
        return all.Where(column => replays.Any(replay => replay.Counts[column.Kind] != 0));
    }

    private static string Total(ReplayResult replay) => FormattableString.Invariant($"{replay.VirtualMicroseconds / 1000:#,0.0}");
}
