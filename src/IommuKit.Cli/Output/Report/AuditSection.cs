using IommuKit.Lab.Audit;
using IommuKit.Lab.Report;

namespace IommuKit.Cli.Output.Report;

/// <summary>What traces show of the invalidations of the kernel that they were recorded on.</summary>
internal static class AuditSection
{
    public static ReportSection Of(ReportRun run) => new("audit", "What the recorded kernels did", body =>
    {
        body.Paragraph("Which invalidations of the recorded kernel are missing, late or wasted: counted in the trace, not on the model.");
        foreach (var trace in run.Traces)
        {
            body.Heading(trace.File);
            Write(body, trace.Audit);
        }
    });

    /// <summary>The sentences about it in the summary.</summary>
    public static IEnumerable<string> Summary(ReportRun run) =>
        from trace in run.Traces
        where trace.Audit.Coverage is not null
        let findings = string.Join(", ", trace.Audit.Findings.Select(finding => $"{finding.Id} ({Numbers.Count(finding.Count)})"))
        select $"{Path.GetFileName(trace.File)} as recorded: {(findings.Length == 0 ? "no invalidation is missing, late or wasted" : findings)}.";

    private static void Write(ReportBody body, AuditResult audit)
    {
        if (audit.Coverage is { } coverage)
        {
            body.Paragraph($"Unmaps were invalidated {AuditTable.Describe(audit.Mode)}; caching mode {Names.Of(audit.CachingMode)}.");
            WriteFates(body, coverage);
            WriteFindings(body, audit.Findings);
        }

        if (audit.Limits.Count != 0)
        {
            body.List(audit.Limits);
        }
    }

    private static void WriteFates(ReportBody body, AuditCoverage coverage)
    {
        var fates = AuditTable.Fates(coverage);
        long all = fates.Sum(fate => fate.Count);
        if (all == 0)
        {
            return;
        }

        body.Figure(
            new BarChart(
                "What became of the unmaps",
                "Bar: unmaps. Together they are all unmaps of the trace.",
                Axis.Linear(0, fates.Max(fate => fate.Count), Numbers.Scale),
                "unmaps",
                [.. fates.Select(fate => new BarRow(
                    fate.Text, $"{Numbers.Count(fate.Count)} ({Numbers.Percent((double)fate.Count / all)})", fate.Count))]),
            new ReportTable(
                "What became of the unmaps",
                [new("Fate", false), new("Unmaps"), new("Share")],
                [.. fates.Select(fate => new[] { fate.Text, Numbers.Count(fate.Count), Numbers.Percent((double)fate.Count / all) })]));
    }

    private static void WriteFindings(ReportBody body, IReadOnlyList<AuditFinding> findings)
    {
        if (findings.Count == 0)
        {
            body.Paragraph("Nothing was found: no unmap without its invalidation, and no invalidation without its unmap.");
            return;
        }

        body.Table(new ReportTable(
            "Findings: first what is dangerous, then what is wasted",
            [new("Finding", false), new("Count"), new("First line"), new("Cost"), new("Unit of cost", false)],
            [
                .. findings.Select(finding => new[]
                {
                    finding.Id,
                    Numbers.Count(finding.Count),
                    Numbers.Count(finding.FirstLine),
                    Numbers.Count(finding.Cost),
                    finding.CostUnit,
                }),
            ]));
        body.List(findings.Select(finding => $"{finding.Id}: {finding.Meaning}{(finding.Limit is null ? string.Empty : $" {finding.Limit}")}"));
    }
}
