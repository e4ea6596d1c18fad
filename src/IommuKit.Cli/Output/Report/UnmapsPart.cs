using IommuKit.Analysis.Report;
using IommuKit.Traces.Audit;

namespace IommuKit.Cli.Output.Report;

/// <summary>What became of the unmaps of a trace, and what cannot be known from it.</summary>
internal static class UnmapsPart
{
    public static void Write(ReportBody body, AuditResult audit)
    {
        if (audit.Problem is { } problem)
        {
            body.Paragraph($"{problem}: what comes before is on this page.");
        }

        if (audit.Coverage is { } coverage)
        {
            body.Paragraph($"Unmaps were invalidated {AuditOutput.Describe(audit.Mode)}; caching mode {Names.Of(audit.CachingMode)}.");
            body.Fold("What became of the unmaps", () => WriteFates(body, coverage));
        }

        if (audit.Invalidations.Count != 0)
        {
            body.Details("Events of invalidations, by kind", new ReportTable(
                "Events of invalidations",
                [new("Kind", false), new("Events")],
                [.. audit.Invalidations.Select(kind => new[] { kind.Key, Numbers.Count(kind.Value) })]));
        }

        if (audit.Limits.Count != 0)
        {
            body.Fold("What cannot be known from this trace", () => body.List(audit.Limits));
        }
    }

    private static void WriteFates(ReportBody body, AuditCoverage coverage)
    {
        var fates = AuditOutput.Fates(coverage);
        long all = fates.Sum(fate => fate.Count);
        if (all == 0)
        {
            body.Paragraph("There were none.");
            return;
        }

        var table = new ReportTable(
            "What became of the unmaps",
            [new("Fate", false), new("Unmaps"), new("Share")],
            [.. fates.Select(fate => new[] { fate.Text, Numbers.Count(fate.Count), Numbers.Percent((double)fate.Count / all) })]);
        if (fates.Count == 1)
        {
            body.Paragraph($"All {Numbers.Count(all)}: {fates[0].Text}.");
            body.Table(table);
            return;
        }

        body.Figure(
            new BarChart(
                "What became of the unmaps",
                "Bar: unmaps. Together they are all unmaps of the trace.",
                Axis.Linear(0, fates.Max(fate => fate.Count), Numbers.Scale),
                "unmaps",
                [.. fates.Select(fate => new BarRow(
                    fate.Text, $"{Numbers.Count(fate.Count)} ({VerdictText.Share((double)fate.Count / all)})", fate.Count))]),
            table);
    }
}
