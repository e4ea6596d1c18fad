using IommuKit.Lab;
using IommuKit.Lab.Replay;
using IommuKit.Traces;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The tables of <c>iommukit replay --by-size</c>: one for each case.</summary>
internal static class SizeTable
{
    public static void Write(IAnsiConsole console, IReadOnlyList<ReplayResult> results, bool isMarkdown)
    {
        ReplayTable.WriteCases(console, results, isMarkdown, Fill);
        console.Note(isMarkdown, "p50 to Max: latencies of single maps and unmaps in µs of virtual time. Sizes of unmaps are what went away.");
    }

    private static void Fill(ColumnTable table, ReplayResult result)
    {
        table.AddColumn("Op", isNumber: false);
        table.AddColumn("Size", isNumber: false);
        foreach (var (header, rank) in (ReadOnlySpan<(string, int)>)[("Count", 0), ("Total ms", 2), ("p50", 0), ("p90", 1), ("p99", 0), ("Max", 0)])
        {
            table.AddColumn(header, rank);
        }

        foreach (var size in result.Sizes)
        {
            table.AddRow(
                Names.Of(size.Operation),
                Describe(size.Size),
                Numbers.Count(size.Latency.Count),
                ReplayTable.Number(size.VirtualMicroseconds / 1000),
                ReplayTable.Number(size.Latency.P50),
                ReplayTable.Number(size.Latency.P90),
                ReplayTable.Number(size.Latency.P99),
                ReplayTable.Number(size.Latency.Max));
        }
    }

    private static string Describe(SizeClass size) => size.ToBytes is not { } end
        ? $"{ByteSize.Format(size.FromBytes - SmallPage.Bytes)}+"
        : end == size.FromBytes ? ByteSize.Format(end) : $"{ByteSize.Format(size.FromBytes)}–{ByteSize.Format(end)}";
}
