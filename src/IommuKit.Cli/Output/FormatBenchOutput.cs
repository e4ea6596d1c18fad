using System.Globalization;
using IommuKit.Cli.HostTime;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit bench --format --host-time</c> says.</summary>
internal static class FormatBenchOutput
{
    // How far the store limit may differ between rows, as it is the same work in each.
    private const double MaxSwing = 1.5;

    /// <summary>An operation on page tables of a format.</summary>
    public static FieldList<FormatBenchRow> Fields { get; } = new("format-bench")
    {
        { "format", "the page-table format", row => row.Format },
        { "work", "the operation: `map 1 page`, `unmap 32 pages`, `iova_to_phys random` …", row => row.Work },
        { "pages", "leaves in one operation", row => row.Pages, new("Pages", 2) },
        {
            "median_ns",
            "median of the samples, for one operation. With several threads: time of all of them, for one operation of any",
            row => row.MedianNanoseconds,
            2,
            new("Median ns", 0, Number)
        },
        { "ns_per_page", "`median_ns` / `pages`", row => row.NanosecondsPerPage, 4, new("ns/page", 3, Number) },
        {
            "spread",
            "nanoseconds between the 10th and the 90th percentile of the samples",
            row => row.P90Nanoseconds - row.P10Nanoseconds,
            2
        },
        { "bytes_allocated", HostTimeOutput.BytesMeaning, row => row.BytesAllocated, new("Bytes", 5, HostTimeOutput.Bytes) },
        {
            "fill_ns_per_entry",
            "the store limit, measured between the samples of the row: one entry stored by vectors of 32 bytes into memory of the size of one table",
            row => row.FillNanoseconds,
            4
        },
        { "code_is_final", HostTimeOutput.FinalMeaning, row => row.IsCodeFinal },
        {
            "level",
            "`engine` (the page table alone) or `domain` (checks, policy, engine, call of a listener)",
            row => Names.Of(row.Level),
            new("Level", 1)
        },
        { "threads", "threads that ran at once, on disjoint ranges of one page table", row => row.Threads },
        { "p10_ns", "10th percentile of the samples, for one operation", row => row.P10Nanoseconds, 2 },
        { "p90_ns", "90th percentile of the samples, for one operation", row => row.P90Nanoseconds, 2 },
        {
            "linux61_x_fill",
            "what Linux 6.1's io-pgtable-arm (LPAE, 4K) needs for one page, in multiples of the store limit of the machine that it was measured on. To "
                + "compare with `ns_per_page` / `fill_ns_per_entry`; null where nothing comparable was measured: another shape of tables, or blocks that "
                + "are not of 2M",
            row => Times(row, baseline => baseline.Linux61),
            3,
            new("Linux 6.1 × fill*", 6, OrEmpty)
        },
        {
            "linux72_x_fill",
            "the same of Linux 7.2's generic_pt (VT-d second stage)",
            row => Times(row, baseline => baseline.Linux72),
            3,
            new("Linux 7.2 × fill*", 8, OrEmpty)
        },
        {
            "ceiling_x_fill",
            "the same of hand-written C# (4K, four levels)",
            row => Times(row, baseline => baseline.Ceiling),
            3,
            new("Ceiling × fill*", 7, OrEmpty)
        },
    };

    public static void Write(Results results, IReadOnlyList<FormatBenchRow> rows) =>
        results.Write(Fields, rows, (console, isMarkdown) => WriteTables(console, rows, isMarkdown));

    private static void WriteTables(IAnsiConsole console, IReadOnlyList<FormatBenchRow> rows, bool isMarkdown)
    {
        var tables = new TableSet(console, isMarkdown);
        foreach (var format in rows.GroupBy(row => row.Format, StringComparer.Ordinal))
        {
            tables.Write(TableOf(format.Key, [.. format], isMarkdown));
            console.WriteLine();
        }

        tables.WriteLeftOut();
        console.Note(isMarkdown, "Host time of IommuKit's own code. Every page was looked up after a map and after an unmap, outside the time.");
        tables.Legend(
            ("Level", "engine is the page table with a sink that counts, domain a software IOMMU's domain, policy Gather, with a listener that counts"));
        tables.Legend((
            "× fill",
            "one page against one entry stored by vectors, the limit of the machine. With several threads: time of all for one operation of any"));
        tables.Legend(
            ("Linux 6.1 × fill*", "io-pgtable-arm, LPAE with 4K"),
            ("Linux 7.2 × fill*", "generic_pt, VT-d second stage"),
            ("Ceiling × fill*", "hand-written C#, 4K and four levels"));
        if (Array.Exists(["Linux 6.1 × fill*", "Linux 7.2 × fill*", "Ceiling × fill*"], tables.Shows))
        {
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

    private static ColumnTable TableOf(string name, IReadOnlyList<FormatBenchRow> rows, bool isMarkdown)
    {
        double[] limits = [.. rows.Select(row => row.FillNanoseconds).Order()];
        string title =
            $"{name}: store limit {Fixed(limits[limits.Length / 2])} ns for one entry ({Fixed(limits[0])}–{Fixed(limits[^1])} beside the rows)";
        bool isCompared = rows.Any(row => Baseline.For(row) is not null);
        return ColumnTable.Of(
            title,
            isMarkdown,
            [
                .. Fields.Columns("level"),
                new("Work", 0, row => Work(row, rows), IsNumber: false),
                .. Fields.Columns("pages", "median_ns", "ns_per_page"),
                new("p10–p90", 4, row => $"{Number(row.P10Nanoseconds)}–{Number(row.P90Nanoseconds)}"),
                new("× fill", 0, row => Number(row.TimesFill)),
                .. Fields.Columns("bytes_allocated"),
                .. isCompared ? Fields.Columns("linux61_x_fill", "linux72_x_fill", "ceiling_x_fill") : [],
            ],
            rows);
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

    private static double? Times(FormatBenchRow row, Func<Baseline, double?> other) =>
        Baseline.For(row) is { } baseline && other(baseline) is { } nanoseconds ? baseline.TimesFill(nanoseconds) : null;

    private static string OrEmpty(double? value) => value is { } some ? Number(some) : string.Empty;

    private static string Number(double value) =>
        value.ToString(value < 1 ? "0.000" : value < 10 ? "0.00" : value < 100 ? "0.0" : "#,0", CultureInfo.InvariantCulture);

    private static string Fixed(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
