using IommuKit.Lab;
using IommuKit.Lab.Replay;
using IommuKit.Traces;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit replay --by-size</c> says: latencies by size, a table for each case.</summary>
internal static class SizeOutput
{
    /// <summary>A class of sizes of one case.</summary>
    public static FieldList<(ReplayResult Result, SizeLatency Size)> Fields { get; } = new("by-size")
    {
        { "file", ReplayOutput.FileMeaning, row => row.Result.Trace.File },
        { "iommu", "the IOMMU, as `iommukit models` lists it", row => row.Result.Iommu },
        { "policy", Promises.PolicyMeaning, row => row.Result.Policy.ToString() },
        { "tuning", Tuning.Meaning, Tuning.Field<(ReplayResult Result, SizeLatency Size)>(row => ReplayOutput.TuningOf(row.Result)) },
        { "op", "`map` or `unmap`", row => Names.Of(row.Size.Operation), new("Op") },
        {
            "size_from_bytes",
            "the smallest size of the class: 4K, 8K–16K, 20K–64K and so on by fours. The size of an unmap is what went away",
            row => row.Size.Size.FromBytes
        },
        { "size_to_bytes", "the largest; null in the last class, which has no end", row => row.Size.Size.ToBytes },
        { "count", "maps or unmaps that were replayed", row => row.Size.Latency.Count, new("Count") },
        {
            "virtual_us",
            "virtual time of all of them",
            row => row.Size.VirtualMicroseconds,
            3,
            new("Total ms", 2, us => ReplayOutput.Number(us / 1000))
        },
        {
            "p50_us",
            "virtual time of single ones; percentiles are exact to one part in 64, the maximum is exact",
            row => row.Size.Latency.P50,
            3,
            new("p50", 0, ReplayOutput.Number)
        },
        { "p90_us", "its 90th percentile", row => row.Size.Latency.P90, 3, new("p90", 1, ReplayOutput.Number) },
        { "p99_us", "its 99th percentile", row => row.Size.Latency.P99, 3, new("p99", 0, ReplayOutput.Number) },
        { "max_us", "its maximum", row => row.Size.Latency.Max, 3, new("Max", 0, ReplayOutput.Number) },
        { "costs", ReplayOutput.CostsMeaning, row => row.Result.Costs },
    };

    public static void Write(Results writer, IReadOnlyList<ReplayResult> results) => writer.Write(
        Fields,
        [.. results.SelectMany(result => result.Sizes.Select(size => (result, size)))],
        (console, isMarkdown) => WriteTables(console, results, isMarkdown));

    private static void WriteTables(IAnsiConsole console, IReadOnlyList<ReplayResult> results, bool isMarkdown)
    {
        var tables = new TableSet(console, isMarkdown);
        ReplayOutput.WriteCases(
            console,
            results,
            isMarkdown,
            result => [.. result.Sizes.Select(size => (result, size))],
            [
                .. Fields.Columns("op"),
                new("Size", 0, row => Describe(row.Size.Size), IsNumber: false),
                .. Fields.Columns("count", "virtual_us", "p50_us", "p90_us", "p99_us", "max_us"),
            ],
            tables);
        tables.Legend(
            ("p50, p90, p99, Max", "latencies of single maps and unmaps in µs of virtual time"), ("Size", "of unmaps what went away"));
    }

    private static string Describe(SizeClass size) => size.ToBytes is not { } end
        ? $"{ByteSize.Format(size.FromBytes - SmallPage.Bytes)}+"
        : end == size.FromBytes ? ByteSize.Format(end) : $"{ByteSize.Format(size.FromBytes)}–{ByteSize.Format(end)}";
}
