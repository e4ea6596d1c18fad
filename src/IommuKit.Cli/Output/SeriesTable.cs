using System.Globalization;
using IommuKit.Lab.Replay;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The tables of <c>iommukit replay --series</c>: one for each case.</summary>
internal static class SeriesTable
{
    public static void Write(IAnsiConsole console, IReadOnlyList<ReplayResult> results, bool isMarkdown)
    {
        ReplayTable.WriteCases(console, results, isMarkdown, Fill);
        console.Note(
            isMarkdown,
            "Start: by the trace's clock. Virtual ms: operations times their cost, on the machine that the costs are for. "
                + "Intervals without events are left out.");
        console.Note(isMarkdown, "Flushes: register writes that invalidate. Live pages: what the trace has mapped at the end of the interval.");
    }

    private static void Fill(ColumnTable table, ReplayResult result)
    {
        foreach (var (header, rank) in (ReadOnlySpan<(string, int)>)
            [
                ("Start s", 0), ("Maps", 0), ("Unmaps", 0), ("Mapped KiB", 4), ("Unmapped KiB", 5),
                ("Virtual ms", 0), ("Flushes", 1), ("Waits", 2), ("Live pages", 3),
            ])
        {
            table.AddColumn(header, rank);
        }

        foreach (var point in result.Series)
        {
            table.AddRow(
                (point.StartNanoseconds / 1e9m).ToString("0.000000", CultureInfo.InvariantCulture),
                Numbers.Count(point.Maps),
                Numbers.Count(point.Unmaps),
                Numbers.Count((long)(point.BytesMapped >> 10)),
                Numbers.Count((long)(point.BytesUnmapped >> 10)),
                (point.VirtualMicroseconds / 1000).ToString("#,0.000", CultureInfo.InvariantCulture),
                Numbers.Count(point.Invalidations),
                Numbers.Count(point.Syncs),
                Numbers.Count((long)point.LivePages));
        }
    }
}
