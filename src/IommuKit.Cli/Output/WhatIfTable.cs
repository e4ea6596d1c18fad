using System.Globalization;
using IommuKit.Lab.Replay;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The table of <c>iommukit replay --what-if</c>: every case of a file against its first.</summary>
internal static class WhatIfTable
{
    public static void Write(IAnsiConsole console, IReadOnlyList<ReplayResult> results, IReadOnlyList<WhatIfRecord> records, bool isMarkdown)
    {
        var leftOut = new List<string>();
        foreach (var file in results.Zip(records).GroupBy(pair => pair.First.Trace))
        {
            ReplayTable.WriteTrace(console, file.Key, isMarkdown);
            if (isMarkdown)
            {
                console.WriteLine();
            }

            var table = new ColumnTable($"What if; costs {file.First().First.Costs}", isMarkdown);
            table.AddColumn("IOMMU", isNumber: false);
            table.AddColumn("Policy", isNumber: false);
            table.AddColumn("Options", isNumber: false);
            foreach (var (header, rank) in (ReadOnlySpan<(string, int)>)
                [
                    ("Total ms", 0), ("Time", 0), ("Operations", 2), ("Ops", 1), ("TLB flushes", 3),
                    ("PTC flushes", 6), ("Waits", 4), ("Lines", 7), ("Map p99", 5), ("Unmap p99", 5), ("Skipped", 1),
                ])
            {
                table.AddColumn(header, rank);
            }

            foreach (var (result, record) in file)
            {
                table.AddRow(
                    result.Iommu,
                    record.Policy,
                    Tuning.Describe(result.Tuning.Settings, result.Tuning.FlushAllPages) is { Length: > 0 } options ? options : "–",
                    ReplayTable.Number(result.VirtualMicroseconds / 1000),
                    Percent(record.TimeRatio),
                    Numbers.Count(record.Operations),
                    Percent(record.OperationsRatio),
                    Numbers.Count(record.TlbWrites),
                    Numbers.Count(record.TableCacheWrites),
                    Numbers.Count(record.Syncs),
                    Numbers.Count(record.LinesCleaned),
                    ReplayTable.Number(result.MapLatency.P99),
                    ReplayTable.Number(result.UnmapLatency.P99),
                    Numbers.Count(record.Skipped));
            }

            leftOut.AddRange(table.Write(console));
            console.WriteLine();
        }

        ColumnTable.WriteLeftOut(console, leftOut);
        console.Note(
            isMarkdown,
            "Total ms is virtual time: operations times their cost, on the machine that the costs are for; so are the latencies, in µs.");
        console.Note(isMarkdown, "Time and Ops: virtual time, and operations (register accesses and lines cleaned), as a share of the first row's.");
    }

    private static string Percent(double? ratio) =>
        ratio is { } share ? string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.0} %") : string.Empty;
}
