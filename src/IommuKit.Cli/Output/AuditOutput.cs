using System.Globalization;
using IommuKit.Traces;
using IommuKit.Traces.Audit;
using IommuKit.Traces.Faults;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit audit</c> says.</summary>
internal static class AuditOutput
{
    /// <summary>How numbers are spread.</summary>
    public static FieldList<Spread> SpreadFields { get; } = new("spread")
    {
        { "count", "how many numbers", spread => spread.Histogram.Count },
        { "p50", "the median; percentiles are exact to one part in 64", spread => spread.Histogram.Percentile(0.5) / spread.Unit },
        { "p90", "the 90th percentile", spread => spread.Histogram.Percentile(0.9) / spread.Unit },
        { "p99", "the 99th percentile", spread => spread.Histogram.Percentile(0.99) / spread.Unit },
        { "max", "the maximum, exact", spread => spread.Histogram.Max / spread.Unit },
    };

    /// <summary>What became of the unmaps.</summary>
    public static FieldList<AuditCoverage> CoverageFields { get; } = new("audit-coverage")
    {
        { "covered", "unmaps of which every page was invalidated", coverage => coverage.Covered },
        { "unclear", "the same, but for one of several domains, perhaps not theirs", coverage => coverage.Unclear },
        { "at_context_change", "unmaps that were invalidated only as a device came or went", coverage => coverage.AtContextChange },
        {
            "never_covered",
            "unmaps with stale pages at the end, with later unmaps that were invalidated",
            coverage => coverage.NeverCovered
        },
        { "waiting", "the same without such later unmaps", coverage => coverage.Waiting },
        { "superseded", "unmaps whose pages were all unmapped again first", coverage => coverage.Superseded },
        {
            "not_followed",
            "unmaps that were given up: events are missing, or too many were stale at a time",
            coverage => coverage.NotFollowed
        },
        { "of_nothing", "unmaps that removed nothing. All so far add up to `unmap_events`", coverage => coverage.OfNothing },
        { "shared", "unmaps whose last invalidation completed others too", coverage => coverage.Shared },
        { "iotlb_invalidations", "invalidations of the IOTLB", coverage => coverage.Translations },
        { "after_map", "of them, those after maps", coverage => coverage.MapTime },
        { "context_changes", "of them, those for a device with nothing else to drop", coverage => coverage.ContextChanges },
        { "repeats", "of them, those that repeat the one before for another unit or cache", coverage => coverage.Repeats },
        {
            "window_events",
            "a spread: events between an unmap and the invalidation that completed it; 1 is the next, 0 one within the unmap",
            SpreadFields,
            coverage => new Spread(coverage.WindowEvents)
        },
        {
            "window_recorded_us",
            "a spread: the same in microseconds of the trace's clock: neither virtual time nor time of this host; null if it measures no time",
            SpreadFields,
            coverage => coverage.WindowNanoseconds.Count == 0 ? null : new Spread(coverage.WindowNanoseconds, NanosecondsInMicrosecond),
            Maybe.Null
        },
        {
            "window_stale_pages",
            "a spread: stale pages when an invalidation dropped some",
            SpreadFields,
            coverage => new Spread(coverage.WindowStalePages)
        },
    };

    /// <summary>A finding.</summary>
    public static FieldList<AuditFinding> FindingFields { get; } = new("audit-finding")
    {
        { "id", "its name", finding => finding.Id, new("Finding") },
        { "count", "how often", finding => finding.Count, new("Count") },
        {
            "first_line",
            "the line of the trace where it shows first",
            finding => finding.FirstLine,
            new("First line", 1, line => line.ToString(CultureInfo.InvariantCulture))
        },
        { "cost", "what it costs", finding => finding.Cost, new("Cost") },
        { "cost_unit", "of what", finding => finding.CostUnit },
        { "meaning", "what it says", finding => finding.Meaning },
        { "limit", "why it may be less here", finding => finding.Limit, Maybe.Null },
        { "details", "further counts", finding => finding.Details },
    };

    /// <summary>An audit.</summary>
    public static FieldList<AuditResult> Fields { get; } = new("audit")
    {
        { "file", ReplayOutput.FileMeaning, audit => audit.File },
        { "map_events", "maps in the file", audit => audit.Maps },
        { "unmap_events", "unmaps in the file", audit => audit.Unmaps },
        { "other_events", "other events in the file; invalidations are among them", audit => audit.Others },
        { "lost_events", "events that were lost in recording", audit => audit.Lost },
        { "missing_events", "events that the file promises and does not have, as it is cut off or lines were taken out; 0 if that is not known", audit => audit.Missing },
        { "unknown_lines", "lines that are no events; each may have been one before somebody wrote over it", audit => audit.UnknownLines },
        {
            "out_of_order_events",
            "events with an earlier time than the one before them: what is late, and what is left reachable, is by the order of the lines",
            audit => audit.OutOfOrder
        },
        {
            "invalidations",
            "events of invalidations by kind: `iotlb_pages`, `iotlb_domain`, `iotlb_global`, `pasid_iotlb_…`, `context_cache`, `pasid_cache`, "
                + "`device_tlb`, `pasid_device_tlb`, `interrupt_entry_cache`, `wait`, `page_group_response`, `undefined`, `…_reserved` of `qi_submit`; "
                + "`cache_tag_range`, `cache_tag_range_np`, `cache_tag_all`, each also with `_device_tlb`. Kinds that do not occur are left out",
            audit => audit.Invalidations
        },
        { "mode", ModeMeaning, audit => Names.Of(audit.Mode) },
        { "caching_mode", "`on`, `off` or `unknown`, inferred", audit => Names.Of(audit.CachingMode) },
        { "domains", "domain ids in invalidations", audit => audit.Domains },
        { "units", "units of VT-d", audit => audit.Units },
        { "coverage", "what became of the unmaps; null without invalidations of the IOTLB", CoverageFields, audit => audit.Coverage, Maybe.Null },
        {
            "reuse_distance_events",
            "a spread: maps and unmaps between an unmap and the next map that starts at the same IOVA; 1 is the next",
            SpreadFields,
            audit => new Spread(audit.ReuseDistances)
        },
        { "findings", "what was found", FindingFields, audit => audit.Findings },
        { "faults", "faults of the trace and the log", FaultOutput.ReportFields, audit => audit.Faults },
        { "limits", "what cannot be known from this trace", audit => audit.Limits },
        { "problem", ReplayOutput.ProblemMeaning, audit => audit.Problem, Maybe.Null },
    };

    /// <summary>A finding or a fault, in CSV.</summary>
    public static FieldList<AuditRow> RowFields { get; } = new("audit-row")
    {
        { "id", "of a finding its name, of a fault its cause", row => row.Finding?.Id ?? Names.Of(row.Fault!.Cause) },
        { "count", "how often; of a fault its messages", row => row.Finding?.Count ?? row.Fault!.Messages },
        { "first_line", "the line of the trace", row => row.Finding is { } finding ? finding.FirstLine : row.Fault!.TraceLine },
        { "cost", "what a finding costs", row => row.Finding?.Cost },
        { "cost_unit", "of what", row => row.Finding?.CostUnit, Maybe.Null },
        { "meaning", "what it says", row => row.Finding?.Meaning ?? FaultText.Headline(row.Fault!) },
        { "limit", "why a finding may be less here; of a fault its doubts", LimitOf, Maybe.Null },
        { "kind", "`finding` or `fault`", row => row.Fault is null ? "finding" : "fault" },
        { "device", "of a fault, as in `faults`; so are all that follow", row => row.Fault?.Fault.Device, Maybe.Null },
        { "direction", "as in `faults`", row => row.Fault is { } fault ? Names.Of(fault.Fault.Direction) : null, Maybe.Null },
        { "iova", "as in `faults`", row => row.Fault?.Fault.Iova is { } iova ? Names.Hex(iova) : null, Maybe.Null },
        { "last_iova", "as in `faults`", row => row.Fault?.LastIova is { } iova ? Names.Hex(iova) : null, Maybe.Null },
        { "log_line", "as in `faults`", row => row.Fault?.LogLine },
        {
            "trace_time_us",
            "as in `faults`",
            row => row.Fault is { TraceNanoseconds: >= 0 and var time } ? time / NanosecondsInMicrosecond : null
        },
        { "since_map_us", "as in `faults`", row => row.Fault?.SinceMap / NanosecondsInMicrosecond },
        { "since_unmap_us", "as in `faults`", row => row.Fault?.SinceUnmap / NanosecondsInMicrosecond },
    };

    /// <summary>The same of several traces.</summary>
    public static FieldList<AuditRow> FileRowFields { get; } = new("audit-file-row")
    {
        { "file", ReplayOutput.FileMeaning, row => row.File },
        { RowFields, row => row },
    };

    /// <summary>What a field <c>mode</c> says.</summary>
    public const string ModeMeaning = "how nine of ten unmaps were invalidated: `strict`, `deferred`, `mixed`, or `unknown`";

    private const double NanosecondsInMicrosecond = 1000;

    /// <summary>Writes audits of one trace or several.</summary>
    public static void Write(Results results, IReadOnlyList<AuditResult> audits)
    {
        AuditRow[] rows =
        [
            .. audits.SelectMany(audit => (AuditRow[])
            [
                .. audit.Findings.Select(finding => new AuditRow(audit.File, finding, null)),
                .. audit.Faults.Faults.Select(fault => new AuditRow(audit.File, null, fault)),
            ]),
        ];
        if (audits is [var audit])
        {
            results.WriteOne(Fields, audit, RowFields, rows, (console, isMarkdown) => WriteOne(console, audit, isMarkdown));
        }
        else
        {
            results.WriteEach(Fields, audits, FileRowFields, rows, (console, isMarkdown) => WriteAll(console, audits, isMarkdown));
        }
    }

    private static void WriteOne(IAnsiConsole console, AuditResult audit, bool isMarkdown)
    {
        console.Note(
            isMarkdown,
            $"{audit.File}: {Numbers.Count(audit.Maps, "map")}, {Numbers.Count(audit.Unmaps, "unmap")}, {Numbers.Count(audit.Others, "other event")} "
            + $"in {Numbers.Count(audit.Lines, "line")}");
        if (audit.Problem is not null)
        {
            console.Note(isMarkdown, $"  {audit.Problem}; what could be read is below");
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
                    + $"{Describe(audit.ReuseDistances)} maps and unmaps");
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

        FaultOutput.Write(console, audit.Faults, isMarkdown);
    }

    /// <summary>Writes several, one after the other.</summary>
    private static void WriteAll(IAnsiConsole console, IReadOnlyList<AuditResult> audits, bool isMarkdown)
    {
        for (int index = 0; index < audits.Count; index++)
        {
            if (index != 0)
            {
                console.WriteLine();
            }

            WriteOne(console, audits[index], isMarkdown);
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
                $"  window from unmap to invalidation: {Describe(coverage.WindowEvents)} events"
                + (coverage.WindowNanoseconds.Count == 0 ? string.Empty : $"; {Describe(coverage.WindowNanoseconds, 1000)} µs of the trace's clock")
                + $"; {Describe(coverage.WindowStalePages)} stale pages");
        }
    }

    private static void WriteFindings(IAnsiConsole console, IReadOnlyList<AuditFinding> findings, bool isMarkdown)
    {
        var table = ColumnTable.Of(
            "Findings", isMarkdown, FindingFields.Columns("id", "count", "first_line", "cost"), findings);
        var leftOut = table.Write(console);
        console.WriteLine();
        foreach (var finding in findings)
        {
            string details = string.Join(", ", finding.Details.Select(detail => $"{Names.InWords(detail.Key)} {Numbers.Count(detail.Value)}"));
            console.Note(
                isMarkdown,
                $"{finding.Id}: {finding.Meaning} Cost: {Numbers.Count(finding.Cost)} {finding.CostUnit}.{(finding.Limit is null ? string.Empty : $" {finding.Limit}")}"
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
    private static string Describe(LogHistogram histogram, double unit = 1) => string.Create(
        CultureInfo.InvariantCulture, $"median {histogram.Percentile(0.5) / unit:#,0.#} (p99 {histogram.Percentile(0.99) / unit:#,0.#}, max "
            + $"{histogram.Max / unit:#,0.#})");

    private static string? LimitOf(AuditRow row) => row.Fault is not { } fault ? row.Finding!.Limit
        : fault.Doubts.Count == 0 ? null
        : string.Join("; ", fault.Doubts);
}

/// <summary>A row of CSV: a finding, or a fault.</summary>
internal sealed record AuditRow(string File, AuditFinding? Finding, ExplainedFault? Fault);

/// <summary>How numbers are spread.</summary>
/// <param name="Histogram">The numbers.</param>
/// <param name="Unit">By what they are divided.</param>
internal sealed record Spread(LogHistogram Histogram, double Unit = 1);
