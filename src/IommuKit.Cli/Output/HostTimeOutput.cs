using System.Globalization;
using IommuKit.Cli.HostTime;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit bench --host-time</c> says.</summary>
internal static class HostTimeOutput
{
    /// <summary>What a field <c>bytes_allocated</c> says.</summary>
    public const string BytesMeaning = "managed memory for one operation";

    /// <summary>What a field <c>code_is_final</c> says.</summary>
    public const string FinalMeaning = "false if the runtime would not finish compiling, so that the times may be several times too long";

    /// <summary>An operation under a policy on an IOMMU.</summary>
    public static FieldList<(HostTimeRow Row, BenchOptions Options)> Fields { get; } = new("host-time")
    {
        { "iommu", "the IOMMU, as `iommukit models` lists it", of => of.Row.Iommu },
        { "policy", Promises.PolicyMeaning, of => of.Row.Policy.ToString(), new("Policy") },
        { "op", "`map` or `unmap`", of => Names.Of(of.Row.Operation), new("Op") },
        { "size_bytes", "size of the range", of => of.Row.Size },
        { "pages", "pages of 4 KiB", of => of.Row.Pages },
        { "host_median_ns", "median of the samples", of => of.Row.MedianNanoseconds, 1, new("Median ns", 0, Number) },
        { "host_min_ns", "the least of them", of => of.Row.MinNanoseconds, 1, new("Min ns", 3, Number) },
        { "host_p90_ns", "their 90th percentile", of => of.Row.P90Nanoseconds, 1, new("P90 ns", 4, Number) },
        { "samples", "how many there are", of => of.Row.Samples },
        { "bytes_allocated", BytesMeaning, of => of.Row.BytesAllocated, new("Bytes allocated", 2, Bytes) },
        { "code_is_final", FinalMeaning, of => of.Row.IsCodeFinal },
        { "layout", "`scattered` or `contiguous`", of => Names.Of(of.Options.Layout) },
        { "tables", "`existing` or `fresh`", of => Names.Of(of.Options.Tables) },
        {
            "tuning",
            Tuning.Meaning,
            Tuning.Field<(HostTimeRow Row, BenchOptions Options)>(of => (of.Options.Settings, of.Options.FlushAllPages))
        },
    };

    public static void Write(Results results, IReadOnlyList<HostTimeRow> rows, BenchOptions options) => results.Write(
        Fields,
        [.. rows.Select(row => (row, options))],
        (console, isMarkdown) => WriteTables(console, rows, options, isMarkdown));

    /// <summary>Bytes for one operation: hardly ever a whole number.</summary>
    public static string Bytes(double bytes) => bytes.ToString("0.##", CultureInfo.InvariantCulture);

    private static void WriteTables(IAnsiConsole console, IReadOnlyList<HostTimeRow> rows, BenchOptions options, bool isMarkdown)
    {
        var tables = new TableSet(console, isMarkdown);
        foreach (var machine in rows.GroupBy(row => row.Iommu, StringComparer.Ordinal))
        {
            string tuning = Tuning.InTitle(options.Settings, options.FlushAllPages);
            tables.Write(ColumnTable.Of(
                $"{machine.Key}: time of IommuKit's code on this host, hardware that does nothing{tuning}",
                isMarkdown,
                [
                    new("Size", 0, of => ByteSize.Format(of.Row.Size), IsNumber: false),
                    .. Fields.Columns("op", "policy", "host_median_ns"),
                    new("ns/page", 1, of => Number(of.Row.MedianNanoseconds / of.Row.Pages)),
                    .. Fields.Columns("host_min_ns", "host_p90_ns", "bytes_allocated"),
                ],
                machine.OrderBy(row => row.Size).ThenBy(row => row.Operation).ThenBy(row => row.Policy).Select(row => (Row: row, Options: options))));
            console.WriteLine();
        }

        tables.WriteLeftOut();
        console.Note(isMarkdown, "Host time: says how fast this code is, and nothing about the modelled hardware.");
        if (rows.Any(row => !row.IsCodeFinal))
        {
            console.Note(
                isMarkdown, "These times may be several times too long: the runtime went on compiling. Run it again when the machine is idle.");
        }
    }

    private static string Number(double value) => value.ToString(value < 100 ? "0.00" : "#,0", CultureInfo.InvariantCulture);
}
