using System.Globalization;
using IommuKit.Lab.Replay;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit replay --series</c> says: what happened in each interval of time, a table for each case.</summary>
internal static class SeriesOutput
{
    /// <summary>An interval of one case.</summary>
    public static FieldList<(ReplayResult Result, SeriesPoint Point)> Fields { get; } = new("series")
    {
        { "file", ReplayOutput.FileMeaning, row => row.Result.Trace.File },
        { "iommu", "the IOMMU, as `iommukit models` lists it", row => row.Result.Iommu },
        { "policy", Promises.PolicyMeaning, row => row.Result.Policy.ToString() },
        { "tuning", Tuning.Meaning, Tuning.Field<(ReplayResult Result, SeriesPoint Point)>(row => ReplayOutput.TuningOf(row.Result)) },
        {
            "recorded_start_us",
            "start of the interval by the trace's clock, which is neither virtual time nor time of this host; the first starts at the first event",
            row => row.Point.StartNanoseconds / 1000m,
            new("Start s", 0, us => (us / 1e6m).ToString("0.000000", CultureInfo.InvariantCulture))
        },
        { "maps", "maps that were replayed", row => row.Point.Maps, new("Maps") },
        { "unmaps", "unmaps that were replayed", row => row.Point.Unmaps, new("Unmaps") },
        { "mapped_bytes", "what the maps mapped", row => row.Point.BytesMapped, new("Mapped KiB", 4, bytes => Numbers.Count((long)(bytes >> 10))) },
        {
            "unmapped_bytes",
            "what the unmaps removed",
            row => row.Point.BytesUnmapped,
            new("Unmapped KiB", 5, bytes => Numbers.Count((long)(bytes >> 10)))
        },
        {
            "virtual_us",
            "virtual time of all counted work; the last interval also has the flush at the end. All intervals add up to `virtual_us` of `replay`",
            row => row.Point.VirtualMicroseconds,
            3,
            new("Virtual ms", 0, us => (us / 1000).ToString("#,0.000", CultureInfo.InvariantCulture))
        },
        {
            "invalidations",
            "register writes and commands that invalidate table memory or translations",
            row => row.Point.Invalidations,
            new("Flushes", 1)
        },
        { "syncs", "waits for the hardware", row => row.Point.Syncs, new("Waits", 2) },
        {
            "live_pages",
            "pages of 4 KiB that the trace has mapped after its last event in the interval",
            row => row.Point.LivePages,
            new("Live pages", 3)
        },
        { "costs", ReplayOutput.CostsMeaning, row => row.Result.Costs },
    };

    public static void Write(Results writer, IReadOnlyList<ReplayResult> results) => writer.Write(
        Fields,
        [.. results.SelectMany(result => result.Series.Select(point => (result, point)))],
        (console, isMarkdown) => WriteTables(console, results, isMarkdown));

    private static void WriteTables(IAnsiConsole console, IReadOnlyList<ReplayResult> results, bool isMarkdown)
    {
        var tables = new TableSet(console, isMarkdown);
        ReplayOutput.WriteCases(
            console,
            results,
            isMarkdown,
            result => [.. result.Series.Select(point => (result, point))],
            [
                .. Fields.Columns(
                    "recorded_start_us", "maps", "unmaps", "mapped_bytes", "unmapped_bytes", "virtual_us", "invalidations", "syncs", "live_pages"),
            ],
            tables);
        tables.Legend(
            ("Start s", "by the trace's clock"), ("Virtual ms", "operations times their cost, on the machine that the costs are for"));
        tables.Legend(
            ("Flushes", "register writes and commands that invalidate"), ("Live pages", "what the trace has mapped at the end of the interval"));
        console.Note(isMarkdown, "Intervals without events are left out.");
    }
}
