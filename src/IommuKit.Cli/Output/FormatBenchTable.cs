using System.Globalization;
using IommuKit.Cli.HostTime;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The table of <c>iommukit bench --format --host-time</c>.</summary>
internal static class FormatBenchTable
{
    // How far the store limit may differ between rows, as it is the same work in each.
    private const double MaxSwing = 1.5;

    public static void Write(IAnsiConsole console, IReadOnlyList<FormatBenchRow> rows, bool isMarkdown)
    {
        var leftOut = new List<string>();
        foreach (var format in rows.GroupBy(row => row.Format, StringComparer.Ordinal))
        {
            leftOut.AddRange(WriteFormat(console, format.Key, [.. format], isMarkdown));
        }

        ColumnTable.WriteLeftOut(console, leftOut);

        console.Note(isMarkdown, "Host time of IommuKit's own code. Every page was looked up after a map and after an unmap, outside the time.");
        console.Note(
            isMarkdown, "Engine: the page table with a sink that counts. Domain: a software IOMMU's domain, policy Gather, a listener that counts.");
        console.Note(
            isMarkdown,
            "× fill: one page against one entry stored by vectors, the limit of the machine. "
                + "With several threads: time of all for one operation of any.");
        if (rows.Any(row => Baseline.For(row) is not null))
        {
            console.Note(
                isMarkdown,
                "* Linux 6.1: io-pgtable-arm, LPAE with 4K. Linux 7.2: generic_pt, VT-d second stage. Ceiling: hand-written C#, 4K and four levels.");
            console.Note(
                isMarkdown,
                $"* {Baseline.Source}; its limit was {Fixed(Baseline.FillNanoseconds)} ns. "
                    + "Only the ratios compare, and only with tables of that shape.");
        }

        console.Note(isMarkdown, string.Create(
            CultureInfo.InvariantCulture,
            $"The times include reading the clock ({FormatBenchRunner.ClockNanoseconds:0} ns) once for every few hundred pages or whole tables."));
        double swing = rows.GroupBy(row => row.Format, StringComparer.Ordinal).Max(format =>
            format.Max(row => row.FillNanoseconds) / format.Min(row => row.FillNanoseconds));
        if (swing > MaxSwing)
        {
            console.Note(isMarkdown, string.Create(
                CultureInfo.InvariantCulture,
                $"The store limit differs {swing:0.0}× between rows: this machine does other things too, and × fill is not reliable. "
                    + $"Run it again when the machine is idle."));
        }

        if (rows.Any(row => !row.IsCodeFinal))
        {
            console.Note(
                isMarkdown, "These times may be several times too long: the runtime went on compiling. Run it again when the machine is idle.");
        }

        if (!FormatBenchRunner.IsOptimised)
        {
            console.Note(
                isMarkdown, "These times say nothing: the code was not built or does not run optimised (Release, DOTNET_TieredCompilation=0).");
        }
    }

    private static IReadOnlyList<string> WriteFormat(IAnsiConsole console, string name, IReadOnlyList<FormatBenchRow> rows, bool isMarkdown)
    {
        double[] limits = [.. rows.Select(row => row.FillNanoseconds).Order()];
        string title =
            $"{name}: store limit {Fixed(limits[limits.Length / 2])} ns for one entry ({Fixed(limits[0])}–{Fixed(limits[^1])} beside the rows)";
        var table = new ColumnTable(title, isMarkdown);
        table.AddColumn("Level", rank: 1, isNumber: false);
        table.AddColumn("Work", isNumber: false);
        table.AddColumn("Pages", rank: 2);
        table.AddColumn("Median ns");
        table.AddColumn("ns/page", rank: 3);
        table.AddColumn("p10–p90", rank: 4);
        table.AddColumn("× fill");
        table.AddColumn("Bytes", rank: 5);
        bool isCompared = rows.Any(row => Baseline.For(row) is not null);
        if (isCompared)
        {
            table.AddColumn("Linux 6.1 × fill*", rank: 6);
            table.AddColumn("Linux 7.2 × fill*", rank: 8);
            table.AddColumn("Ceiling × fill*", rank: 7);
        }

        foreach (var row in rows)
        {
            var baseline = Baseline.For(row);
            string[] cells =
            [
                Names.Of(row.Level),
                Work(row, rows),
                row.Pages.ToString("#,0", CultureInfo.InvariantCulture),
                Number(row.MedianNanoseconds),
                Number(row.NanosecondsPerPage),
                $"{Number(row.P10Nanoseconds)}–{Number(row.P90Nanoseconds)}",
                Number(row.TimesFill),
                row.BytesAllocated.ToString("0.##", CultureInfo.InvariantCulture),
            ];
            string[] others = [Times(baseline, baseline?.Linux61), Times(baseline, baseline?.Linux72), Times(baseline, baseline?.Ceiling)];
            table.AddRow(isCompared ? [.. cells, .. others] : cells);
        }

        var leftOut = table.Write(console);
        console.WriteLine();
        return leftOut;
    }

    /// <summary>The work; with threads, how many there were and how much more they did than one.</summary>
    private static string Work(FormatBenchRow row, IReadOnlyList<FormatBenchRow> rows)
    {
        if (row.Work is not (BenchWork.ThreadsPage or BenchWork.ThreadsPages))
        {
            return row.Work;
        }

        var single = rows.First(other => other.Work == row.Work && other.Threads == 1);
        return row.Threads == 1
            ? $"{row.Work}, 1 thread"
            : string.Create(
                CultureInfo.InvariantCulture, $"{row.Work}, {row.Threads} threads: {single.MedianNanoseconds / row.MedianNanoseconds:0.00}×");
    }

    private static string Times(Baseline? baseline, double? nanoseconds) =>
        baseline is not null && nanoseconds is { } value ? Number(baseline.TimesFill(value)) : string.Empty;

    private static string Number(double value) =>
        value.ToString(value < 1 ? "0.000" : value < 10 ? "0.00" : value < 100 ? "0.0" : "#,0", CultureInfo.InvariantCulture);

    private static string Fixed(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
