using IommuKit.Cli.Commands;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>Writes results of <c>iommukit replay</c>, whether they come from one run or from shards.</summary>
internal static class ReplayReport
{
    public static void Write(Results writer, ReplayView view, IReadOnlyList<ReplayResult> results)
    {
        switch (view)
        {
            case ReplayView.WhatIf:
                var rows = WhatIfRecord.Of(results);
                writer.Write(rows, (console, isMarkdown) => WhatIfTable.Write(console, results, rows, isMarkdown));
                break;
            case ReplayView.Sizes:
                writer.Write(
                    [.. results.SelectMany(result => result.Sizes.Select(size => new SizeRecord(result, size)))],
                    (console, isMarkdown) => SizeTable.Write(console, results, isMarkdown));
                break;
            case ReplayView.Series:
                writer.Write(
                    [.. results.SelectMany(result => result.Series.Select(point => new SeriesRecord(result, point)))],
                    (console, isMarkdown) => SeriesTable.Write(console, results, isMarkdown));
                break;
            default:
                writer.Write(
                    [.. results.Select(result => new ReplayRecord(result))],
                    (console, isMarkdown) => ReplayTable.Write(console, results, isMarkdown));
                break;
        }
    }
}
