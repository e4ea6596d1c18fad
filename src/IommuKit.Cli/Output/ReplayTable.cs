using System.Globalization;
using IommuKit.Domains;
using IommuKit.Lab.Replay;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The tables of <c>iommukit replay</c>.</summary>
internal static class ReplayTable
{
    public static void Write(IAnsiConsole console, IReadOnlyList<ReplayResult> results, bool isMarkdown)
    {
        var leftOut = new List<string>();
        foreach (var file in results.GroupBy(result => result.Trace))
        {
            WriteTrace(console, file.Key, isMarkdown);
            if (isMarkdown)
            {
                console.WriteLine();
            }

            foreach (var machine in file.GroupBy(result => result.Iommu, StringComparer.Ordinal))
            {
                leftOut.AddRange(WriteMachine(console, [.. machine], isMarkdown));
                console.WriteLine();
            }
        }

        ColumnTable.WriteLeftOut(console, leftOut);
        console.Note(
            isMarkdown, "Virtual ms and µs: operations times their cost, on the machine that the costs are for; nothing here is time of this host.");
        console.Note(isMarkdown, "Total: all maps and unmaps together. Map and Unmap p50, p99, max: latencies of single ones, in µs.");
        WritePromises(console, results, isMarkdown);

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
    public static string Title(ReplayResult result, string what, IEnumerable<ReplayResult> all) =>
        $"If this were a {result.Iommu}{what}: {Coverage.InTitle(all)}, costs {result.Costs}"
        + Tuning.InTitle(result.Tuning.Settings, result.Tuning.FlushAllPages);

    /// <summary>Says what is left reachable, and which policies promise less.</summary>
    public static void WritePromises(IAnsiConsole console, IReadOnlyList<ReplayResult> results, bool isMarkdown)
    {
        if (Promises.Note(results.Select(result => result.Policy)) is { } promise)
        {
            console.Note(isMarkdown, promise);
        }

        foreach (bool hasTimes in results.Select(result => result.Trace.HasTimes).Distinct())
        {
            console.Note(isMarkdown, Promises.ColumnsNote(hasTimes));
        }

        if (results.Any(result => result.Policy == SyncPolicy.Deferred))
        {
            console.Note(
                isMarkdown,
                "Deferred: flushed when 255 ranges wait and one more comes, "
                    + "10 ms after the first of them, or before one is mapped again.");
        }

        if (results.Any(result => result.Policy == SyncPolicy.Explicit))
        {
            console.Note(isMarkdown, "Explicit: flushed where the trace turns from maps to unmaps or back, as a caller might.");
        }
    }

    /// <summary>Writes a table for each case, under what is said of its trace.</summary>
    /// <param name="console">Where to.</param>
    /// <param name="results">The cases.</param>
    /// <param name="isMarkdown">Whether as Markdown.</param>
    /// <param name="fill">Adds the columns and rows of one case.</param>
    public static void WriteCases(IAnsiConsole console, IReadOnlyList<ReplayResult> results, bool isMarkdown, Action<ColumnTable, ReplayResult> fill)
    {
        var leftOut = new List<string>();
        foreach (var file in results.GroupBy(result => result.Trace))
        {
            WriteTrace(console, file.Key, isMarkdown);
            foreach (var result in file)
            {
                console.WriteLine();
                var table = new ColumnTable(Title(result, $", {Promises.Marked(result.Policy)}", [result]), isMarkdown);
                fill(table, result);
                leftOut.AddRange(table.Write(console));
            }

            console.WriteLine();
        }

        ColumnTable.WriteLeftOut(console, leftOut);
        if (Promises.Note(results.Select(result => result.Policy)) is { } promise)
        {
            console.Note(isMarkdown, promise);
        }
    }

    /// <summary>Says what is in a trace.</summary>
    public static void WriteTrace(IAnsiConsole console, TraceSummary trace, bool isMarkdown)
    {
        console.Note(isMarkdown, $"{trace.File}: {TraceNotes.Contents(trace)}");
        console.Note(isMarkdown, $"  {TraceNotes.Origin(trace)}");
        foreach (string note in TraceNotes.Of(trace))
        {
            console.Note(isMarkdown, $"  {note}");
        }
    }

    private static IReadOnlyList<string> WriteMachine(
        IAnsiConsole console, IReadOnlyList<ReplayResult> results, bool isMarkdown)
    {
        var table = new ColumnTable(Title(results[0], string.Empty, results), isMarkdown);
        table.AddColumn("Policy", isNumber: false);
        var columns = Columns(results);
        columns.ForEach(column => table.AddColumn(column.Header, column.Rank));
        foreach (var row in results.GroupBy(Outcome.Of))
        {
            table.AddRow([Outcome.NamesOf(row.Select(result => result.Policy)), .. columns.Select(column => column.Cell(row.First()))]);
        }

        var leftOut = table.Write(console);

        // What is skipped depends on the machine, hardly ever on the policy: say it once where it is the same.
        foreach (var group in results.SelectMany(result => result.Skipped.Select(skipped => (result.Policy, skipped))).GroupBy(pair => pair.skipped))
        {
            string policies = group.Count() == results.Count ? string.Empty : $" ({string.Join(", ", group.Select(pair => pair.Policy))})";
            console.Note(isMarkdown, $"  skipped: {Skips.Describe(group.Key, "the IOMMU")}{policies}");
        }

        return leftOut;
    }

    private static List<Column> Columns(IReadOnlyList<ReplayResult> results)
    {
        var columns = new List<Column> { new("Total ms", 0, result => Number(result.VirtualMicroseconds / 1000)) };
        if (results.FirstOrDefault(result => result.Policy == SyncPolicy.PerPage) is { } perPage)
        {
            columns.Add(new("Faster", 1, result => Numbers.Times(perPage.VirtualMicroseconds, result.VirtualMicroseconds)));
        }

        columns.AddRange(Promises.Columns(results[0].Trace.HasTimes).Select(column => new Column(column.Header, column.Rank, column.Cell)));
        columns.AddRange(
        [
            new("Writes", 3, result => Numbers.Count(result.Counts.RegisterWrites.Total)),
            new("Reads", 5, result => Numbers.Count(result.Counts.RegisterReads.Total)),
            new("Lines", 5, result => Numbers.Count(result.Counts.LinesCleaned)),
            new("Barriers", 9, result => Numbers.Count(result.Counts.Barriers)),
            new("Map p50", 3, result => Number(result.MapLatency.P50)),
            new("Map p99", 6, result => Number(result.MapLatency.P99)),
            new("Map max", 7, result => Number(result.MapLatency.Max)),
            new("Unmap p50", 3, result => Number(result.UnmapLatency.P50)),
            new("Unmap p99", 4, result => Number(result.UnmapLatency.P99)),
            new("Unmap max", 7, result => Number(result.UnmapLatency.Max)),
            new("Skipped", 1, result => Numbers.Count(result.SkippedCount)),
        ]);
        return columns;
    }

    /// <summary>A time in the unit of its column.</summary>
    public static string Number(double value) => value.ToString(value < 1000 ? "0.0" : "#,0", CultureInfo.InvariantCulture);

    private sealed record Column(string Header, int Rank, Func<ReplayResult, string> Cell);
}
