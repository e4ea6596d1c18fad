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

            ReplayResult[] cases = [.. file.Select(pair => pair.First)];
            var best = WhatIfRow.BestOf(cases);
            string machines = string.Join(" or ", cases.Select(result => result.Iommu).Distinct(StringComparer.Ordinal).Select(name => $"a {name}"));
            var table = new ColumnTable($"What if this were {machines}: {Coverage.InTitle(cases)}, costs {cases[0].Costs}", isMarkdown);
            table.AddColumn("Best", 1, isNumber: false);
            table.AddColumn("IOMMU", isNumber: false);
            table.AddColumn("Policy", isNumber: false);
            table.AddColumn("Options", isNumber: false);
            var left = Promises.Columns(cases[0].Trace.HasTimes);
            foreach (var (header, rank) in (ReadOnlySpan<(string, int)>)
                [
                    ("Total ms", 0), ("Time", 1), (left[0].Header, left[0].Rank), (left[1].Header, left[1].Rank), ("Operations", 2),
                    ("Ops", 1), ("TLB flushes", 3),
                    ("PTC flushes", 6), ("Waits", 4), ("Lines", 7), ("Map p99", 5), ("Unmap p99", 5), ("Skipped", 1),
                ])
            {
                table.AddColumn(header, rank);
            }

            foreach (var row in WhatIfRow.Of(cases))
            {
                var result = row.Result;
                var record = file.First(pair => ReferenceEquals(pair.First, result)).Second;
                table.AddRow(
                    best is not null && Outcome.Of(best) == Outcome.Of(result) ? "best" : string.Empty,
                    result.Iommu,
                    Outcome.NamesOf(row.Policies),
                    row.Options,
                    ReplayTable.Number(result.VirtualMicroseconds / 1000),
                    Percent(record.TimeRatio),
                    left[0].Cell(result),
                    left[1].Cell(result),
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
            foreach (string sentence in WhatIfRow.WithoutEffect(cases))
            {
                console.Note(isMarkdown, $"  {sentence}");
            }

            console.WriteLine();
        }

        ColumnTable.WriteLeftOut(console, leftOut);
        console.Note(
            isMarkdown,
            "Total ms is virtual time: operations times their cost, on the machine that the costs are for; so are the latencies, in µs.");
        var first = results[0];
        string compared = $"{first.Policy} on {first.Iommu}"
            + (Tuning.Describe(first.Tuning.Settings, first.Tuning.FlushAllPages) is { Length: > 0 } options ? $" with {options}" : string.Empty);
        console.Note(
            isMarkdown,
            $"Time and Ops: virtual time, and operations (register accesses and lines cleaned), as a share of those of the first case: {compared}.");
        console.Note(isMarkdown, "Sorted by time. best: the fastest of those whose unmaps leave nothing reachable when they return.");
        ReplayTable.WritePromises(console, results, isMarkdown);
    }

    private static string Percent(double? ratio) =>
        ratio is { } share ? string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.0} %") : string.Empty;
}
