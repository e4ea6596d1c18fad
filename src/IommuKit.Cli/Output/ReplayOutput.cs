using System.Globalization;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit replay</c> shows of its results.</summary>
internal enum ReplayView
{
    /// <summary>A table of policies for each IOMMU.</summary>
    Policies,

    /// <summary>One table of all cases for each file.</summary>
    WhatIf,

    /// <summary>Latencies by size.</summary>
    Sizes,

    /// <summary>What happened in each interval of time.</summary>
    Series,

    /// <summary>What a device's accesses took.</summary>
    Device,

    /// <summary>Commands by kind and by block of pages.</summary>
    Commands,
}

/// <summary>What <c>iommukit replay</c> says, whether its results come from one run or from shards.</summary>
internal static class ReplayOutput
{
    /// <summary>What of a trace was replayed, and where it comes from.</summary>
    public static FieldList<ReplayResult> CoverageFields { get; } = new("replay-coverage")
    {
        {
            "coverage",
            "share of the trace's maps and unmaps that were replayed as a whole; skipped, lost, missing and damaged ones are not. null if there are none",
            result => result.Coverage,
            6
        },
        {
            "missing_events",
            "events that the file promises and does not have, as it is cut off or lines were taken out; 0 if that is not known",
            result => result.Trace.Missing
        },
        {
            "recorded_on",
            "the IOMMU that the trace comes from, by the events of its driver: `VT-d`; null if nothing says",
            result => result.Trace.RecordedOn,
            Maybe.Null
        },
        { "kernel", "the kernel that was recorded; null if the trace does not say", result => result.Trace.Kernel, Maybe.Null },
        {
            "recorded_traits",
            "what else the trace shows of that IOMMU, on which it depends what has to be flushed: `caching mode`, `first stage`, `device TLBs`; what is not "
                + "there may not have been recorded. Unless `--iommu` says otherwise, `iommu` is the one with these",
            result => result.Trace.RecordedTraits
        },
        {
            "recorded_commands",
            "commands that were recorded on their way into the queue, by kind as in `invalidations` of `audit`; empty if none were. Waits are not recorded",
            result => result.Trace.Commands
        },
        {
            "commands",
            "`command` of `operations` by what it is for: `translations` (IOTLB and TLBs of devices, to be compared with the kinds `…iotlb…` and "
                + "`…device_tlb`), `waits`, and `others` (entries of contexts and PASIDs; a replay has its device in the domain from the beginning)",
            result => CommandsOf(result.Counts)
        },
        {
            "commands_by_kind",
            "commands by kind and by the pages that they name, beside the recorded ones; empty if the IOMMU has no queue",
            CommandOutput.RowFields,
            result => CommandRow.Of(result)
        },
    };

    /// <summary>What unmaps left reachable.</summary>
    public static FieldList<ReplayResult> ReachFields { get; } = new("replay-reach")
    {
        { "promises_all", Promises.AllMeaning, result => result.Policy.IsFull() },
        {
            "unmaps_left_reachable",
            "unmaps that left pages reachable when they returned, because their flush was put off",
            result => result.Exposure.Unmaps
        },
        {
            "reachable_pages_p99",
            "pages that were unmapped and still reachable, at each flush that ended it",
            result => result.Exposure.PagesP99
        },
        { "reachable_pages_max", "the most of them", result => result.Exposure.PagesMax },
        {
            "reachable_recorded_p99_us",
            "microseconds of the trace's clock from such an unmap to the event during which its flush came, or to the end of the trace; null if the "
                + "trace has no times",
            result => result.Exposure.RecordedP99 / NanosecondsInMicrosecond
        },
        { "reachable_recorded_max_us", "the most of them", result => result.Exposure.RecordedMax / NanosecondsInMicrosecond },
        {
            "reachable_virtual_p99_us",
            "the same in virtual time, from the return of the unmap to the end of the call that flushed: only maps and unmaps take virtual time. Not to "
                + "be compared with the recorded one",
            result => result.Exposure.VirtualP99,
            3
        },
        { "reachable_virtual_max_us", "the most of them", result => result.Exposure.VirtualMax, 3 },
    };

    /// <summary>The events of a trace.</summary>
    public static FieldList<TraceSummary> EventFields { get; } = new("events")
    {
        { "map_events", "maps in the file", trace => trace.Maps },
        { "unmap_events", "unmaps in the file", trace => trace.Unmaps },
        { "other_events", "other events in the file", trace => trace.Others },
        {
            "lost_events",
            "events that were lost in recording: overwritten in the ring buffer before it was read (heading), or on the way (marker lines)",
            trace => trace.Lost
        },
    };

    /// <summary>What took no time.</summary>
    public static FieldList<ReplayResult> UnpricedFields { get; } = new("replay-unpriced")
    {
        {
            "unpriced",
            "kinds of `operations` that the costs say nothing of, so that they took no time",
            result => result.Unpriced.Select(OperationKinds.NameOf)
        },
    };

    /// <summary>A result of a policy on an IOMMU.</summary>
    public static FieldList<ReplayResult> Fields { get; } = new("replay")
    {
        { "file", FileMeaning, result => result.Trace.File },
        { "policy", Promises.PolicyMeaning, result => result.Policy.ToString() },
        { "iommu", "the IOMMU, as `iommukit models` lists it", result => result.Iommu },
        { EventFields, result => result.Trace },
        {
            "skipped",
            "events that were not replayed, or not wholly; see `skipped_reasons`",
            result => result.SkippedCount,
            new("Skipped", 3)
        },
        {
            "live_pages",
            "pages of 4 KiB that the trace leaves mapped, whatever the IOMMU could hold of them",
            result => result.Trace.LivePages
        },
        {
            "virtual_us",
            "virtual time of all counted work: maps and unmaps that were replayed, and what was flushed on the way to events that were skipped",
            result => result.VirtualMicroseconds,
            3,
            new("Total ms", 0, us => Number(us / 1000))
        },
        { Operations.Fields, result => result.Counts },
        {
            "map_p50_us",
            "virtual time of single maps that were replayed; percentiles are exact to one part in 64, the maximum is exact",
            result => result.MapLatency.P50,
            3,
            new("Map p50 µs", 3, Number)
        },
        { "map_p90_us", "its 90th percentile", result => result.MapLatency.P90, 3 },
        { "map_p99_us", "its 99th percentile", result => result.MapLatency.P99, 3, new("Map p99 µs", 6, Number) },
        { "map_max_us", "its maximum", result => result.MapLatency.Max, 3, new("Map max µs", 7, Number) },
        {
            "unmap_p50_us",
            "virtual time of single unmaps that were replayed",
            result => result.UnmapLatency.P50,
            3,
            new("Unmap p50 µs", 3, Number)
        },
        { "unmap_p90_us", "its 90th percentile", result => result.UnmapLatency.P90, 3 },
        { "unmap_p99_us", "its 99th percentile", result => result.UnmapLatency.P99, 3, new("Unmap p99 µs", 4, Number) },
        { "unmap_max_us", "its maximum", result => result.UnmapLatency.Max, 3, new("Unmap max µs", 7, Number) },
        { "peak_live_pages", "the most pages mapped at a time", result => result.Trace.PeakLivePages },
        {
            "maps_over_live",
            "maps that cover pages which were mapped: several domains in one trace, or lost events",
            result => result.Trace.MapsOverLive
        },
        {
            "domains",
            "domains that it was replayed in: more than 1 where events map pages that are mapped already, which a kernel does in another domain alone, and "
                + "no event is known to be missing",
            result => result.Trace.Domains
        },
        { "orphan_unmaps", "unmaps of which no page was seen mapped", result => result.Trace.Orphans },
        { "unknown_lines", "lines that are no events, for example stack traces", result => result.Trace.UnknownLines },
        { "skipped_reasons", SkipText.Meaning, SkipText.Fields, result => result.Skipped },
        { "costs", CostsMeaning, result => result.Costs },
        { "problem", ProblemMeaning, result => result.Trace.Problem, Maybe.Null },
        { "tuning", Tuning.Meaning, Tuning.Field<ReplayResult>(TuningOf) },
        { CoverageFields, result => result },
        { ReachFields, result => result },
        { UnpricedFields, result => result },
    };

    internal const string FileMeaning = "the file as it was named; `-` is the standard input";
    internal const string CostsMeaning = "name of the cost vector";
    internal const string ProblemMeaning = "with `--lenient`: what is wrong with the file as a whole, and where reading stopped";
    private const double NanosecondsInMicrosecond = 1000;

    /// <summary>Writes the results in the view that was asked for.</summary>
    public static void Write(Results writer, ReplayView view, IReadOnlyList<ReplayResult> results)
    {
        switch (view)
        {
            case ReplayView.WhatIf:
                WhatIfOutput.Write(writer, results);
                break;
            case ReplayView.Sizes:
                SizeOutput.Write(writer, results);
                break;
            case ReplayView.Series:
                SeriesOutput.Write(writer, results);
                break;
            case ReplayView.Commands:
                CommandOutput.Write(writer, results);
                break;
            case ReplayView.Device:
                DeviceOutput.Write(writer, results);
                break;
            default:
                writer.Write(Fields, results, (console, isMarkdown) => WriteTable(console, results, isMarkdown));
                break;
        }
    }

    /// <summary>How the driver was tuned: without options that are for others, beside which it was run.</summary>
    public static (MachineSettings Settings, int FlushAllPages) TuningOf(ReplayResult result)
    {
        var own = MachineCatalog.Find(result.Iommu)?.Tuning;
        var settings = result.Tuning.Settings;
        var values = settings.Tuning.All.Where(pair => own?.Contains(pair.Option) != false);
        return (
            settings with { Tuning = values.Aggregate(TuningValues.None, (all, pair) => all.With(pair.Option, pair.Value)) },
            result.Tuning.FlushAllPages);
    }

    private static SortedDictionary<string, long> CommandsOf(OperationCounts counts) => new(StringComparer.Ordinal)
    {
        ["others"] = counts[OperationKind.Command, OperationPurpose.Other],
        ["translations"] = counts[OperationKind.Command, OperationPurpose.Tlb],
        ["waits"] = counts[OperationKind.Command, OperationPurpose.Completion],
    };

    private static void WriteTable(IAnsiConsole console, IReadOnlyList<ReplayResult> results, bool isMarkdown)
    {
        var tables = new TableSet(console, isMarkdown);
        foreach (var file in results.GroupBy(result => result.Trace))
        {
            WriteTrace(console, [.. file], isMarkdown);
            if (isMarkdown)
            {
                console.WriteLine();
            }

            foreach (var machine in file.GroupBy(result => result.Iommu, StringComparer.Ordinal))
            {
                WriteMachine(console, tables, [.. machine], isMarkdown);
                console.WriteLine();
            }
        }

        tables.WriteLeftOut();
        console.Note(
            isMarkdown, "Virtual ms and µs: operations times their cost, on the machine that the costs are for; nothing here is time of this host.");
        WriteCostNotes(console, results, isMarkdown);
        tables.Legend(
            ("Total ms", "all maps and unmaps together"),
            ("Map p50 µs, Map p99 µs, Map max µs, Unmap p50 µs, Unmap p99 µs, Unmap max µs", "latencies of single ones"));
        WritePromises(console, results, isMarkdown, tables);

        if (results.Any(result => result.Tuning.Settings.UsesSuperpages))
        {
            console.Note(
                isMarkdown, "--sections: superpages are used only where a single map event covers one whole, and physical memory is aligned to it.");
        }
    }

    /// <summary>What a result was run on, as the title of a table.</summary>
    /// <param name="result">The result.</param>
    /// <param name="what">What to say behind the IOMMU.</param>
    /// <param name="all">All results that the table is about.</param>
    public static string Title(ReplayResult result, string what, IEnumerable<ReplayResult> all)
    {
        var (settings, flushAllPages) = TuningOf(result);
        return $"If this were a {result.Iommu}{what}: {Coverage.InTitle(all)}, costs {result.Costs}{Tuning.InTitle(settings, flushAllPages)}";
    }

    /// <summary>Says where costs are no measure of what was modelled: what is compared across such rows says little.</summary>
    public static void WriteCostNotes(IAnsiConsole console, IReadOnlyList<ReplayResult> results, bool isMarkdown)
    {
        foreach (string note in Operations.CostNotes([.. results.Select(result => (result.Iommu, result.Costs, result.Unpriced))]))
        {
            console.Note(isMarkdown, note);
        }
    }

    /// <summary>Says what is left reachable, and which policies promise less.</summary>
    public static void WritePromises(IAnsiConsole console, IReadOnlyList<ReplayResult> results, bool isMarkdown, TableSet tables)
    {
        if (Promises.Note(results.Select(result => result.Policy)) is { } promise)
        {
            console.Note(isMarkdown, promise);
        }

        foreach (bool hasTimes in results.Select(result => result.Trace.HasTimes).Distinct())
        {
            tables.Legend(Promises.Meanings(hasTimes));
        }

        foreach (string when in Promises.When(results.Select(result => result.Policy)))
        {
            console.Note(isMarkdown, when);
        }
    }

    /// <summary>Writes a table for each case, under what is said of its trace.</summary>
    /// <param name="console">Where to.</param>
    /// <param name="results">The cases.</param>
    /// <param name="isMarkdown">Whether as Markdown.</param>
    /// <param name="rowsOf">The rows of one case.</param>
    /// <param name="columns">The columns.</param>
    /// <param name="tables">The tables of the answer.</param>
    public static void WriteCases<T>(
        IAnsiConsole console,
        IReadOnlyList<ReplayResult> results,
        bool isMarkdown,
        Func<ReplayResult, IReadOnlyList<T>> rowsOf,
        IReadOnlyList<Column<T>> columns,
        TableSet tables)
    {
        foreach (var file in results.GroupBy(result => result.Trace))
        {
            WriteTrace(console, [.. file], isMarkdown);
            foreach (var result in file)
            {
                console.WriteLine();
                tables.Write(ColumnTable.Of(Title(result, $", {Promises.Marked(result.Policy)}", [result]), isMarkdown, columns, rowsOf(result)));
            }

            console.WriteLine();
        }

        tables.WriteLeftOut();
        WriteCostNotes(console, results, isMarkdown);
        if (Promises.Note(results.Select(result => result.Policy)) is { } promise)
        {
            console.Note(isMarkdown, promise);
        }
    }

    /// <summary>Says what is in a trace.</summary>
    /// <param name="console">Where.</param>
    /// <param name="results">The replays of it.</param>
    /// <param name="isMarkdown">Whether the output is Markdown.</param>
    public static void WriteTrace(IAnsiConsole console, IReadOnlyList<ReplayResult> results, bool isMarkdown)
    {
        var trace = results[0].Trace;
        console.Note(isMarkdown, $"{trace.File}: {TraceNotes.Contents(trace)}");
        console.Note(isMarkdown, $"  {TraceNotes.Origin(results)}");
        if (ChosenText.Of(results) is { } chosen)
        {
            console.Note(isMarkdown, $"  {chosen}");
        }

        console.Note(isMarkdown, $"  {TraceNotes.Flushes(results)}");
        if (trace.Commands.Count != 0)
        {
            console.Note(isMarkdown, $"  it queued: {string.Join(", ", trace.Commands.Select(kind => $"{Names.InWords(kind.Key)} {Numbers.Count(kind.Value)}"))}");
        }

        foreach (string note in TraceNotes.Of(trace))
        {
            console.Note(isMarkdown, $"  {note}");
        }
    }

    private static void WriteMachine(IAnsiConsole console, TableSet tables, IReadOnlyList<ReplayResult> results, bool isMarkdown)
    {
        tables.Write(ColumnTable.Of(
            Title(results[0], string.Empty, results), isMarkdown, Columns(results), [.. results.GroupBy(Outcome.Of).Select(same => same.ToList())]));

        // What is skipped depends on the machine, hardly ever on the policy: say it once where it is the same.
        foreach (var group in results.SelectMany(result => result.Skipped.Select(skipped => (result.Policy, skipped))).GroupBy(pair => pair.skipped))
        {
            string policies = group.Count() == results.Count ? string.Empty : $" ({string.Join(", ", group.Select(pair => pair.Policy))})";
            console.Note(isMarkdown, $"  skipped: {SkipText.Describe(group.Key, "the IOMMU")}{policies}");
        }

        CommandOutput.WriteBeside(console, tables, results, isMarkdown);
    }

    /// <summary>The columns of rows of results with the same outcome.</summary>
    private static List<Column<List<ReplayResult>>> Columns(IReadOnlyList<ReplayResult> results)
    {
        var columns = new List<Column<ReplayResult>> { Fields.Column("virtual_us") };
        if (results.FirstOrDefault(result => result.Policy == SyncPolicy.PerPage) is { } perPage)
        {
            columns.Add(new("Faster", 1, result => Numbers.Times(perPage.VirtualMicroseconds, result.VirtualMicroseconds)));
        }

        columns.AddRange(Promises.Columns(results[0].Trace.HasTimes));
        columns.AddRange(Operations.Columns(
            results,
            result => result.Counts,
            (OperationKind.RegisterWrite, 3),
            (OperationKind.Command, 3),
            (OperationKind.Doorbell, 4),
            (OperationKind.Request, 3),
            (OperationKind.RegisterRead, 5),
            (OperationKind.LineCleaned, 5),
            (OperationKind.Barrier, 9)));
        columns.AddRange(Fields.Columns("map_p50_us", "map_p99_us", "map_max_us", "unmap_p50_us", "unmap_p99_us", "unmap_max_us", "skipped"));
        return
        [
            new("Policy", 0, same => Outcome.NamesOf(same.Select(result => result.Policy)), IsNumber: false),
            .. columns.Select(column => new Column<List<ReplayResult>>(column.Header, column.Rank, same => column.Cell(same[0]), column.IsNumber)),
        ];
    }

    /// <summary>A time in the unit of its column.</summary>
    public static string Number(double value) => value.ToString(value < 1000 ? "0.0" : "#,0", CultureInfo.InvariantCulture);
}
