using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The table of <c>iommukit bench</c>.</summary>
internal static class BenchTable
{
    public static void Write(IAnsiConsole console, IReadOnlyList<BenchRow> rows, BenchOptions options, bool isMarkdown)
    {
        var leftOut = new List<string>();
        foreach (var machine in rows.GroupBy(row => row.Iommu, StringComparer.Ordinal))
        {
            leftOut.AddRange(WriteMachine(console, machine.Key, [.. machine], options, isMarkdown));
            console.WriteLine();
        }

        ColumnTable.WriteLeftOut(console, leftOut);
        console.Note(isMarkdown, "Model µs: virtual time, operations times their cost; nothing here is time of this host.");
        if (Promises.Note(rows.Select(row => row.Policy)) is { } promise)
        {
            console.Note(isMarkdown, promise);
            console.Note(isMarkdown, "Left: pages that were still reachable when unmap returned. The time is with the flush that ended it.");
        }

        if (rows.Any(row => row.Policy == SyncPolicy.PerPage))
        {
            console.Note(isMarkdown, "Faster: PerPage against the row, in the model.");
        }

        if (rows.Any(row => row.Paper is not null))
        {
            console.Note(isMarkdown, "Paper µs: mean of the paper's samples, and their range; Off: the model against it; Paper's: its own factor.");
        }
        else if (rows.Any(row => row.PaperBefore is not null))
        {
            console.Note(
                isMarkdown,
                "Paper before, after: means of the paper's samples with a flush for every page, "
                    + "and with one for the range (PerPage and RangeFlush here).");
        }

        if (rows.Any(row => row.Bound is not null))
        {
            console.Note(
                isMarkdown, "Least: register writes + reads + lines cleaned that would have sufficed without dropping anything else from a cache.");
        }

        string[] droppers = [.. rows.Where(row => row.DropsOthers).Select(row => row.Policy.ToString()).Distinct(StringComparer.Ordinal)];
        if (droppers.Length != 0)
        {
            console.Note(
                isMarkdown,
                $"{string.Join(", ", droppers)}: takes less than Least where it flushes everything at once, "
                    + "and so drops entries of others too, which they must fetch again.");
        }

        if (options.Settings.UsesSuperpages && rows.All(row => row.Counts.EntriesStored >= (long)row.Pages))
        {
            console.Note(
                isMarkdown,
                "--sections changed nothing: no superpage's worth of a range lies together in physical memory "
                    + "(try --layout contiguous and sizes from 4M).");
        }

        console.Note(isMarkdown, "A modelled device read every mapped page and was refused every unmapped one.");
    }

    private static IReadOnlyList<string> WriteMachine(
        IAnsiConsole console, string name, IReadOnlyList<BenchRow> rows, BenchOptions options, bool isMarkdown)
    {
        string title = $"If this were a {name}: scatter list of 4 KiB entries, physically {Names.Of(options.Layout)}; "
            + (options.Tables == BenchTables.Existing ? "page tables exist and stay" : "page tables are made and given back")
            + $"; costs {options.Costs.Name}{Tuning.InTitle(options.Settings, options.FlushAllPages)}";
        var columns = Columns(rows);
        var table = new ColumnTable(title, isMarkdown);
        table.AddColumn("Size", isNumber: false);
        table.AddColumn("Op", isNumber: false);
        table.AddColumn("Policy", isNumber: false);
        columns.ForEach(column => table.AddColumn(column.Header, column.Rank));

        (ulong Size, MappingOperation Operation)? group = null;
        foreach (var same in rows
            .OrderBy(row => row.Size)
            .ThenBy(row => row.Operation)
            .ThenBy(row => row.Policy)
            .GroupBy(row => (row.Paper, row with { Policy = row.Policy.IsFull() ? SyncPolicy.Gather : SyncPolicy.Deferred })))
        {
            var row = same.First();
            bool isFirst = group != (row.Size, row.Operation);
            if (isFirst && group is not null && !isMarkdown)
            {
                table.AddRow();
            }

            group = (row.Size, row.Operation);
            bool isNamed = isFirst || isMarkdown;
            table.AddRow(
            [
                isNamed ? ByteSize.Format(row.Size) : string.Empty,
                isNamed ? Names.Of(row.Operation) : string.Empty,
                Outcome.NamesOf(same.Select(other => other.Policy)),
                .. columns.Select(column => column.Cell(row)),
            ]);
        }

        return table.Write(console);
    }

    /// <summary>The columns of numbers; what the paper says is there only if it says something of a row.</summary>
    private static List<Column> Columns(IReadOnlyList<BenchRow> rows)
    {
        var columns = new List<Column>();
        bool hasPaper = rows.Any(row => row.Paper is not null);
        if (hasPaper)
        {
            columns.Add(new("Paper µs", 1, row => row.Paper is { } paper ? Numbers.Microseconds(paper.Mean) : string.Empty));
            columns.Add(new(
                "Samples", 8, row => row.Paper is { } paper ? FormattableString.Invariant($"{paper.Min:0}–{paper.Max:0}") : string.Empty));
        }
        else if (rows.Any(row => row.PaperBefore is not null))
        {
            columns.Add(new("Paper before", 2, row => row.PaperBefore is { } paper ? Numbers.Microseconds(paper.Mean) : string.Empty));
            columns.Add(new("Paper after", 1, row => row.PaperAfter is { } paper ? Numbers.Microseconds(paper.Mean) : string.Empty));
        }

        columns.Add(new("Model µs", 0, row => Numbers.Microseconds(row.VirtualMicroseconds)));
        if (hasPaper)
        {
            columns.Add(new("Off", 2, row => row.Paper is { } paper ? Numbers.Off((row.VirtualMicroseconds / paper.Mean) - 1) : string.Empty));
        }

        var perPage = rows.Where(row => row.Policy == SyncPolicy.PerPage).ToDictionary(row => (row.Size, row.Operation));
        if (perPage.Count != 0)
        {
            columns.Add(new("Faster", 1, row => Numbers.Times(perPage[(row.Size, row.Operation)].VirtualMicroseconds, row.VirtualMicroseconds)));
        }

        if (rows.Any(row => row is { Policy: SyncPolicy.RangeFlush, Paper: not null }))
        {
            columns.Add(new("Paper's", 7, row => row is { Policy: SyncPolicy.RangeFlush, PaperBefore: { } before, PaperAfter: { } after }
                ? Numbers.Times(before.Mean, after.Mean)
                : string.Empty));
        }

        if (rows.Any(row => row.ReachablePages != 0))
        {
            columns.Add(new("Left", 1, row => row.Operation == MappingOperation.Map ? string.Empty : Promises.Pages(row.ReachablePages)));
        }

        columns.Add(new("Writes", 3, row => Numbers.Count(row.Counts.RegisterWrites.Total)));
        columns.Add(new("Reads", 4, row => Numbers.Count(row.Counts.RegisterReads.Total)));
        columns.Add(new("Lines", 4, row => Numbers.Count(row.Counts.LinesCleaned)));
        columns.Add(new("Barriers", 9, row => Numbers.Count(row.Counts.Barriers)));
        columns.Add(new("Stores", 10, row => Numbers.Count(row.Counts.EntriesStored)));
        if (rows.Any(row => row.Bound is not null))
        {
            columns.Add(new("Least", 5, row => row.Bound.ToString() ?? string.Empty));
        }

        return columns;
    }

    private sealed record Column(string Header, int Rank, Func<BenchRow, string> Cell);
}
