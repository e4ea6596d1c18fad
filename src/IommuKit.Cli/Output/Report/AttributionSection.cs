using IommuKit.Analysis.Explain;
using IommuKit.Analysis.Report;
using IommuKit.Domains;

namespace IommuKit.Cli.Output.Report;

/// <summary>What the gain is due to, with intervals.</summary>
internal static class AttributionSection
{
    public static ReportSection Of(ReportRun run) => new("causes", "Where the gain comes from", body =>
    {
        var explanation = run.Explanation!;
        body.Paragraph(
            $"Every combination of causes was run on the model, {Workload.Combinations} for each work, "
                + $"and the gain of {ReportRun.To} over {ReportRun.From} split among them by Shapley's rule.");
        body.List([.. Conclusions.Of(explanation), .. UndirectedFlushText.Of(run.Request.Kind, explanation)]);
        body.Note(HowToRead(explanation));
        body.Details(
            "All causes of all sizes in one table", Table(explanation.Attributions, "Shares of the gain", attribution => attribution.ByCause));
        body.Note($"Costs {explanation.Costs.Name}: {explanation.Costs.Description}");
    });

    /// <summary>Writes the answer to what the reply of 2015 asks, as a picture.</summary>
    public static void WriteAsked(ReportBody body, Explanation explanation)
    {
        var headline = explanation.Headline;
        if (headline is { IsDifferent: true, IsSure: true })
        {
            string title = $"What one flush for the range saves in {NameOf(headline)}";
            body.Figure(
                Chart(headline, title, $"The gain by the operations that are saved. They add up. {HowToRead(explanation)}", AskedFor(headline)),
                Table([headline], "What is saved", AskedFor));
        }
    }

    /// <summary>A chart of parts.</summary>
    public static BarChart Chart(Attribution attribution, string title, string description, IReadOnlyList<AttributionPart> parts)
    {
        bool hasBars = attribution.IsUnique;
        var rows = parts
            .Select(part => new BarRow(part.Name, Share(attribution, part), hasBars ? part.Share : null, part.Interval?.Low, part.Interval?.High))
            .ToList();
        double[] values = [.. rows.SelectMany(row => new[] { row.Value, row.Low, row.High }).OfType<double>().Where(double.IsFinite)];
        var axis = Axis.Linear(values.Append(0).Min(), Math.Max(1, values.Append(0).Max()), Numbers.Percent);
        return new BarChart(title, description, axis, "of the gain", rows);
    }

    /// <summary>A table of parts.</summary>
    public static ReportTable Table(
        IEnumerable<Attribution> attributions, string caption, Func<Attribution, IReadOnlyList<AttributionPart>> partsOf,
        SyncPolicy to = ReportRun.To) => new(
        $"{caption}: µs of virtual time; the part of the gain, with its 90 % interval",
        [
            new("Work", false), new("Part", false), new($"{ReportRun.From} µs"), new($"{to} µs"),
            new("Saved µs"), new("Share"), new("90 % interval"),
        ],
        [
            .. from attribution in attributions
               from part in partsOf(attribution)
               select new[]
               {
                   NameOf(attribution),
                   part.Name,
                   Numbers.Microseconds(attribution.FromUs),
                   Numbers.Microseconds(attribution.ToUs),
                   attribution.IsUnique ? Numbers.Microseconds(part.Us) : "–",
                   attribution is { IsDifferent: true, IsUnique: true } ? Numbers.Percent(part.Share) : "–",
                   Interval(part) ?? "–",
               },
        ]);

    /// <summary>A part in as few characters as can be: its interval, or its share.</summary>
    public static string Short(Attribution attribution, AttributionPart part) =>
        Interval(part) ?? (attribution.IsUnique ? Numbers.Percent(part.Share) : "not known");

    /// <summary>The two times that are compared.</summary>
    public static string Times(Attribution attribution, SyncPolicy to = ReportRun.To) =>
        $"{Numbers.Microseconds(attribution.FromUs)} µs under {ReportRun.From}, "
            + $"{Numbers.Microseconds(attribution.ToUs)} µs under {to} (virtual time).";

    private static string HowToRead(Explanation explanation) =>
        explanation.Calibration is null ? "Bar: the share by the costs as given; how well they are known is not known."
        : explanation.Headline.IsUnique ? "Bar: the share by the best costs. Whisker: the 90 % interval that calibration leaves."
        : "Band: the 90 % interval that calibration leaves; no value in it is likelier than another.";

    // What the reply of 2015 asks about, and the rest.
    private static IReadOnlyList<AttributionPart> AskedFor(Attribution attribution) =>
        [attribution.Registers, attribution.DmaSync, attribution.ByOperation[^1]];

    private static string NameOf(Attribution attribution) =>
        attribution.Workload.Operation is { } operation ? $"{Names.Of(operation)} of {attribution.Workload.Name}"
            : Names.OfFile(attribution.Workload.Name);

    private static string Share(Attribution attribution, AttributionPart part) => Interval(part) is not { } interval
        ? Numbers.Percent(part.Share)
        : attribution.IsUnique ? $"{Numbers.Percent(part.Share)} ({interval})" : interval;

    private static string? Interval(AttributionPart part) =>
        part.Interval is { } interval && double.IsFinite(interval.Width)
            ? $"{Numbers.Whole(interval.Low)}–{Numbers.Whole(interval.High)} %"
            : null;
}
