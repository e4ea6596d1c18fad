using System.Globalization;
using IommuKit.Traces;
using IommuKit.Traces.Audit;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit audit</c> says.</summary>
internal static class AuditTable
{
    public static void Write(IAnsiConsole console, AuditResult audit, bool isMarkdown)
    {
        console.Note(
            isMarkdown,
            $"{audit.File}: {Numbers.Count(audit.Maps, "map")}, {Numbers.Count(audit.Unmaps, "unmap")}, {Numbers.Count(audit.Others, "other event")} "
            + $"in {Numbers.Count(audit.Lines, "line")}");
        if (audit.Problem is not null)
        {
            console.Note(isMarkdown, $"  {audit.Problem}: what comes before is below");
        }

        if (audit.Invalidations.Count != 0)
        {
            var kinds = audit.Invalidations.Select(kind => $"{Numbers.Count(kind.Value)} {kind.Key}");
            console.Note(isMarkdown, $"  invalidations: {string.Join(", ", kinds)}");
        }

        if (audit.Coverage is { } coverage)
        {
            WriteCoverage(console, audit, coverage, isMarkdown);
        }

        if (audit.ReuseDistances.Count != 0)
        {
            console.Note(
                isMarkdown,
                $"  reuse: {Numbers.Count(audit.ReuseDistances.Count)} unmapped IOVAs were mapped again, after "
                    + $"{Spread(audit.ReuseDistances)} maps and unmaps");
        }

        foreach (string limit in audit.Limits)
        {
            console.Note(isMarkdown, $"  note: {limit}");
        }

        if (audit.Coverage is not null)
        {
            console.WriteLine();
            if (audit.Findings.Count == 0)
            {
                console.Note(isMarkdown, "Nothing was found in what could be followed.");
            }
            else
            {
                WriteFindings(console, audit.Findings, isMarkdown);
            }
        }

        if (audit.Faults.LogFile is not null || audit.Faults.Messages != 0)
        {
            console.WriteLine();
        }

        FaultList.Write(console, audit.Faults, isMarkdown);
    }

    /// <summary>Writes several, one after the other.</summary>
    public static void WriteAll(IAnsiConsole console, IReadOnlyList<AuditResult> audits, bool isMarkdown)
    {
        for (int index = 0; index < audits.Count; index++)
        {
            if (index != 0)
            {
                console.WriteLine();
            }

            Write(console, audits[index], isMarkdown);
        }
    }

    /// <summary>What became of the unmaps: together all of them.</summary>
    public static IReadOnlyList<(long Count, string Text)> Fates(AuditCoverage coverage)
    {
        (long Count, string Text)[] parts =
        [
            (coverage.Covered, "invalidated"),
            (coverage.Unclear, "perhaps invalidated, for one of several domains"),
            (coverage.AtContextChange, "invalidated as a device came or went"),
            (coverage.NeverCovered, "never invalidated"),
            (coverage.Waiting, "waiting when the trace ends"),
            (coverage.Superseded, "unmapped again first"),
            (coverage.NotFollowed, "not followed"),
            (coverage.OfNothing, "of nothing"),
        ];
        return [.. parts.Where(part => part.Count != 0)];
    }

    private static void WriteCoverage(IAnsiConsole console, AuditResult audit, AuditCoverage coverage, bool isMarkdown)
    {
        string domains = audit.Domains.Count == 1 ? $"domain {audit.Domains[0]}" : Numbers.Count(audit.Domains.Count, "domain");
        console.Note(
            isMarkdown,
            $"  it shows: unmaps invalidated {Describe(audit.Mode)}; caching mode {Names.Of(audit.CachingMode)}; {domains}"
            + (coverage.MapTime == 0 ? string.Empty : $"; {Numbers.Count(coverage.MapTime)} invalidations after maps"));
        console.Note(
            isMarkdown,
            $"  unmaps: {string.Join(", ", Fates(coverage).Select(part => $"{Numbers.Count(part.Count)} {part.Text}"))}"
            + (coverage.Shared == 0 ? string.Empty : $"; {Numbers.Count(coverage.Shared)} share one with others"));
        if (coverage.WindowEvents.Count != 0)
        {
            console.Note(
                isMarkdown,
                $"  window from unmap to invalidation: {Spread(coverage.WindowEvents)} events"
                + (coverage.WindowNanoseconds.Count == 0 ? string.Empty : $"; {Spread(coverage.WindowNanoseconds, 1000)} µs of the trace's clock")
                + $"; {Spread(coverage.WindowStalePages)} stale pages");
        }
    }

    private static void WriteFindings(IAnsiConsole console, IReadOnlyList<AuditFinding> findings, bool isMarkdown)
    {
        var table = new ColumnTable("Findings", isMarkdown);
        table.AddColumn("Finding", isNumber: false);
        table.AddColumn("Count");
        table.AddColumn("First line", 1);
        table.AddColumn("Cost");
        table.AddColumn("Unit of cost", 2, isNumber: false);
        foreach (var finding in findings)
        {
            string firstLine = finding.FirstLine.ToString(CultureInfo.InvariantCulture);
            table.AddRow(finding.Id, Numbers.Count(finding.Count), firstLine, Numbers.Count(finding.Cost), finding.CostUnit);
        }

        var leftOut = table.Write(console);
        console.WriteLine();
        foreach (var finding in findings)
        {
            string details = string.Join(", ", finding.Details.Select(detail => $"{detail.Key} {Numbers.Count(detail.Value)}"));
            console.Note(
                isMarkdown,
                $"{finding.Id}: {finding.Meaning}{(finding.Limit is null ? string.Empty : $" {finding.Limit}")}"
                    + $"{(details.Length == 0 ? string.Empty : $" ({details})")}");
        }

        ColumnTable.WriteLeftOut(console, leftOut);
    }

    /// <summary>When unmaps were invalidated.</summary>
    public static string Describe(InvalidationMode mode) => mode switch
    {
        InvalidationMode.Strict => "at once (strict)",
        InvalidationMode.Deferred => "later, a domain at a time (lazy)",
        InvalidationMode.Mixed => "some at once, some later",
        _ => "never",
    };

    /// <summary>Median, 99th percentile and maximum.</summary>
    private static string Spread(LogHistogram histogram, double unit = 1) => string.Create(
        CultureInfo.InvariantCulture, $"{histogram.Percentile(0.5) / unit:#,0.#} (p99 {histogram.Percentile(0.99) / unit:#,0.#}, max "
            + $"{histogram.Max / unit:#,0.#})");
}
