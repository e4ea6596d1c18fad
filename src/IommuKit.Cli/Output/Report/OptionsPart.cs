using IommuKit.Analysis.Report;
using IommuKit.Analysis.Verdict;

namespace IommuKit.Cli.Output.Report;

/// <summary>Other ways to flush: what each costs, and what it leaves reachable.</summary>
internal static class OptionsPart
{
    private const double NanosecondsInMillisecond = 1e6;

    public static void Write(ReportBody body, VerdictResult verdict)
    {
        var options = FlushOptionText.Different(verdict.Options);
        if (options.Count == 0)
        {
            body.Paragraph("Nothing was unmapped, so that there is nothing to flush.");
            return;
        }

        body.Paragraph(
            "The same unmaps, flushed in other ways. The recorded way is what they are compared with. Fewer flushes have a price: "
                + "pages that were unmapped, and that a device can still reach.");
        var points = Points(verdict, options);
        if (points.Select(point => (point.X, point.Y)).Distinct().Count() > 1)
        {
            bool isTimed = verdict.Times is not null;
            bool hasWindow = options.All(option => option.Nanoseconds is { Count: not 0 });
            body.Figure(
                new ScatterChart(
                    isTimed ? "Time in flushes, and how long pages stay reachable" : "Flushes, and what stays reachable",
                    "Further down is cheaper, further left is safer. Mark: 99 % of all stay below it. Line: to the most."
                        + (points.Exists(point => point.X == 0) ? " At the left edge: 0." : string.Empty),
                    hasWindow
                        ? Axis.Logarithmic(points.SelectMany(point => new[] { point.X, point.FarX ?? point.X }), value => Durations.Short(value))
                        : Axis.Logarithmic(points.SelectMany(point => new[] { point.X, point.FarX ?? point.X }), Numbers.Scale),
                    hasWindow ? "reachable after unmap" : "pages reachable at a flush",
                    isTimed
                        ? Axis.Linear(0, points.Max(point => point.Y), value => Durations.Short(value * NanosecondsInMillisecond))
                        : Axis.Linear(0, points.Max(point => point.Y), Numbers.Scale),
                    isTimed ? "time in flushes, at most" : "flushes",
                    points),
                Table(verdict, options),
                isOpen: true);
        }
        else
        {
            body.Paragraph("On this trace they do not differ.");
            body.Table(Table(verdict, options));
        }

        body.Note(
            (verdict.Span is null
                ? "A burst is unmaps without a map between them. "
                : "A burst is unmaps without a map between them, each at most 1 ms after the one before. Lazy, as Linux does: a queue for each "
                    + "processor, and all of the domain flushed when it is full, or 10 ms old. ")
                + (verdict.Times is null
                    ? string.Empty
                    : "Time saved is the recorded time of the flushes that would go; for lazy, of as many at the mean. ")
                + (FlushOptionText.UntilWhen(options) is { } until ? $"Reachable: {until}. " : string.Empty)
                + (FlushOptionText.AboutDomains(verdict) is { } domains ? $"Counted {domains}. " : string.Empty)
                + "What devices did while they could reach a page is not in a trace.");
    }

    private static List<ScatterPoint> Points(VerdictResult verdict, IReadOnlyList<FlushOption> options)
    {
        bool hasWindow = options.All(option => option.Nanoseconds is { Count: not 0 });
        var points = new List<ScatterPoint>();
        foreach (var option in options)
        {
            var reach = hasWindow ? option.Nanoseconds : option.Pages;
            if (reach is not { Count: not 0 })
            {
                continue;
            }

            double y = verdict.Times is { } times
                ? Math.Max(0, times.Sum - (option.SavedNanoseconds ?? 0)) / NanosecondsInMillisecond
                : option.Flushes!.Value;
            long p99 = reach.Percentile(0.99);
            bool isTried = option.Kind != FlushOptionKind.Recorded && option.Kind == TriedOf(verdict);
            points.Add(new ScatterPoint(
                (isTried ? "try: " : string.Empty) + FlushOptionText.NameOf(option.Kind),
                p99,
                reach.Max > p99 ? reach.Max : null,
                y,
                $"{FlushOptionText.NameOf(option.Kind)}: {Flushes(option)} flushes{Saved(option)}; reachable for {For(option, 0.99)} (p99), {For(option, 1)} at most",
                (int)option.Kind));
        }

        return points;
    }

    private static ReportTable Table(VerdictResult verdict, IReadOnlyList<FlushOption> options) => new(
        "Ways to flush; what is still reachable: 99 % of all stay below p99",
        [
            new("Way", false), new("Flushes"), new("Time saved"), new("Reachable for, p99"), new("At most"), new("Pages, p99"), new("At most"),
        ],
        [
            .. options.Select(option => new[]
            {
                FlushOptionText.NameOf(option.Kind),
                Flushes(option),
                FlushOptionText.Saved(option),
                For(option, 0.99),
                For(option, 1),
                Pages(option, 0.99),
                Pages(option, 1),
            }),
        ])
    {
        Emphasis = options.ToList().FindIndex(option => option.Kind == TriedOf(verdict)),
    };

    // What the advice is about.
    private static FlushOptionKind TriedOf(VerdictResult verdict) =>
        verdict.Advice.Any(advice => advice.Id == "flush-once-per-burst") ? FlushOptionKind.Burst
        : verdict.Advice.Any(advice => advice.Id == "lazy-mode") ? FlushOptionKind.Lazy
        : FlushOptionKind.Recorded;

    private static string Saved(FlushOption option) => option.Kind == FlushOptionKind.Recorded ? string.Empty
        : option.SavedNanoseconds is null or < 0 ? $", time saved {FlushOptionText.Saved(option)}"
        : $", {FlushOptionText.Saved(option)} saved";

    private static string Flushes(FlushOption option) => Numbers.Count(option.Flushes!.Value);

    private static string For(FlushOption option, double share) => option.Nanoseconds is not { Count: not 0 } times ? "not known"
        : Durations.Short(share < 1 ? times.Percentile(share) : times.Max);

    private static string Pages(FlushOption option, double share) => option.Pages is not { Count: not 0 } pages ? "none"
        : Numbers.Count(share < 1 ? pages.Percentile(share) : pages.Max);
}
