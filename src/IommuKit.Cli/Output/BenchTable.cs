using System.Globalization;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Seed;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The table of <c>iommukit bench</c>.</summary>
internal static class BenchTable
{
    public static void Write(IAnsiConsole console, IReadOnlyList<BenchRow> rows, BenchOptions options, bool isMarkdown)
    {
        foreach (var machine in rows.GroupBy(row => row.Iommu, StringComparer.Ordinal))
        {
            WriteMachine(console, machine.Key, [.. machine], options, isMarkdown);
        }

        console.WriteLine("Model µs: virtual time, operations times their cost; nothing here is time of this host.");
        console.WriteLine("Faster: PerPage against the row, in the model.");
        if (rows.Any(row => row.PaperBefore is not null))
        {
            console.WriteLine("Off: the model against the paper's mean. In brackets: the range of the paper's samples, and its own factor.");
        }

        console.WriteLine("Least: register writes + reads + lines cleaned that would have sufficed without dropping anything else from a cache.");
        console.WriteLine("A modelled device read every mapped page and was refused every unmapped one.");
    }

    private static void WriteMachine(
        IAnsiConsole console, string name, IReadOnlyList<BenchRow> rows, BenchOptions options, bool isMarkdown)
    {
        string title = $"{name}: scatter list of 4 KiB entries, physically {Names.Of(options.Layout)}; "
            + (options.Tables == BenchTables.Existing ? "page tables exist and stay" : "page tables are made and given back")
            + $"; costs {options.Costs.Name}";
        var table = Tables.Create(console, title, isMarkdown);
        foreach (string column in (string[])["Size", "Op", "Policy"])
        {
            table.AddColumn(column);
        }

        bool hasPaper = rows.Any(row => row.PaperBefore is not null);
        if (hasPaper)
        {
            table.AddColumn(Tables.Right("Paper µs (range)"));
        }

        table.AddColumn(Tables.Right("Model µs"));
        if (hasPaper)
        {
            table.AddColumn(Tables.Right("Off"));
        }

        foreach (string column in (string[])["Faster", "Writes", "Reads", "Lines", "Barriers", "Stores", "Least"])
        {
            table.AddColumn(Tables.Right(column));
        }

        string? group = null;
        foreach (var row in rows.OrderBy(row => row.Size).ThenBy(row => row.Operation, StringComparer.Ordinal).ThenBy(row => row.Policy))
        {
            string key = $"{row.Size} {row.Operation}";
            bool isFirst = key != group;
            if (isFirst && group is not null && !isMarkdown)
            {
                table.AddEmptyRow();
            }

            group = key;
            var perPage = rows.FirstOrDefault(other =>
                other.Size == row.Size && other.Policy == SyncPolicy.PerPage && other.Operation == row.Operation);
            table.AddRow([.. Cells(row, perPage, hasPaper, isFirst || isMarkdown)]);
        }

        console.Write(table);
        console.WriteLine();
    }

    private static IEnumerable<string> Cells(BenchRow row, BenchRow? perPage, bool hasPaper, bool isNamed)
    {
        // The paper measured a flush per page and a range flush; other policies have nothing to be compared with.
        var paper = row.Policy switch
        {
            SyncPolicy.PerPage => row.PaperBefore,
            SyncPolicy.RangeFlush => row.PaperAfter,
            _ => null,
        };
        yield return isNamed ? ByteSize.Format(row.Size) : string.Empty;
        yield return isNamed ? row.Operation : string.Empty;
        yield return row.Policy.ToString();
        if (hasPaper)
        {
            yield return paper is null ? string.Empty : Paper(paper);
        }

        yield return Number(row.VirtualMicroseconds);
        if (hasPaper)
        {
            yield return paper is null ? string.Empty : Percent((row.VirtualMicroseconds / paper.Mean) - 1);
        }

        yield return Faster(row, perPage);
        yield return Count(row.Counts.RegisterWrites.Total);
        yield return Count(row.Counts.RegisterReads.Total);
        yield return Count(row.Counts.LinesCleaned);
        yield return Count(row.Counts.Barriers);
        yield return Count(row.Counts.EntriesStored);
        yield return string.Create(
            CultureInfo.InvariantCulture, $"{row.Bound.RegisterWrites}+{row.Bound.RegisterReads}+{row.Bound.LinesCleaned}");
    }

    private static string Faster(BenchRow row, BenchRow? perPage)
    {
        if (perPage is null)
        {
            return string.Empty;
        }

        string model = string.Create(CultureInfo.InvariantCulture, $"{perPage.VirtualMicroseconds / row.VirtualMicroseconds:0.0}×");
        return row is { Policy: SyncPolicy.RangeFlush, PaperBefore: { } before, PaperAfter: { } after }
            ? string.Create(CultureInfo.InvariantCulture, $"{model} ({before.Mean / after.Mean:0.0}×)")
            : model;
    }

    private static string Paper(SampleSummary samples) => string.Create(
        CultureInfo.InvariantCulture, $"{Number(samples.Mean)} ({samples.Min:0}–{samples.Max:0})");

    private static string Number(double value) =>
        value.ToString(value < 100 ? "0.0" : "#,0", CultureInfo.InvariantCulture);

    private static string Percent(double ratio) => ratio.ToString("+0 %;−0 %", CultureInfo.InvariantCulture);

    private static string Count(long count) => count.ToString("#,0", CultureInfo.InvariantCulture);
}
