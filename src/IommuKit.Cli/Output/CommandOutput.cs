using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>Commands of one kind and of one block of pages: what our driver queued of them, and what the recorded kernel did.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Pages">How many pages each names; null if none.</param>
/// <param name="Queued">How many our driver queued.</param>
/// <param name="Recorded">How many were recorded; null where that is not known or not comparable.</param>
internal sealed record CommandRow(string Kind, ulong? Pages, long Queued, long? Recorded)
{
    /// <summary>The rows of a result: of all that was queued or, on such an IOMMU, recorded.</summary>
    public static IReadOnlyList<CommandRow> Of(ReplayResult result)
    {
        IReadOnlyList<CommandCount> recorded = IsComparable(result) ? result.Trace.CommandBlocks : [];
        return
        [
            .. result.Commands.Concat(recorded)
                .DistinctBy(one => (one.Kind, one.Pages))
                .OrderBy(one => one.Kind, StringComparer.Ordinal)
                .ThenBy(one => one.Pages ?? 0)
                .Select(one => new CommandRow(
                    one.Kind, one.Pages, CountIn(result.Commands, one), recorded.Count == 0 || one.IsWait ? null : CountIn(recorded, one))),
        ];
    }

    /// <summary>Whether what was recorded is of commands that this IOMMU has too.</summary>
    public static bool IsComparable(ReplayResult result) => result.IsAsRecorded && result.Trace.CommandBlocks.Count != 0;

    private static long CountIn(IReadOnlyList<CommandCount> counts, CommandCount like) =>
        counts.FirstOrDefault(one => one.Kind == like.Kind && one.Pages == like.Pages)?.Count ?? 0;
}

/// <summary>What <c>iommukit replay</c> says of the commands of a driver with a queue, beside those that were recorded.</summary>
internal static class CommandOutput
{
    /// <summary>Commands of one kind and of one block of pages.</summary>
    public static FieldList<CommandRow> RowFields { get; } = new("by-command-rows")
    {
        {
            "kind",
            "the kind of command, named as its architecture does: `iotlb_pages`, `wait`; `tlbi_nh_va`, `sync`",
            row => row.Kind,
            new("Command", Format: Names.InWords)
        },
        {
            "pages",
            "how many pages each of them names, which is 2 to the power of the address mask on VT-d, and 2^52 if everything; null if none. Pages of "
                + "4 KiB; of a TLBI of an SMMUv3 granules, 1 where it is no range",
            row => row.Pages,
            new("Pages", Format: pages => pages is { } known ? Numbers.Count((long)known) : string.Empty)
        },
        { "queued", "how many the driver queued here, without its set-up", row => row.Queued, new("Queued") },
        {
            "recorded",
            "how many were recorded; null for waits, which no kernel records, where the trace has no commands, and on another kind of IOMMU",
            row => row.Recorded,
            new("Recorded", Format: count => count is { } known ? Numbers.Count(known) : string.Empty)
        },
    };

    /// <summary>The same in the view by commands.</summary>
    public static FieldList<(ReplayResult Result, CommandRow Row)> Fields { get; } = new("by-command")
    {
        { "file", ReplayOutput.FileMeaning, one => one.Result.Trace.File },
        { "iommu", "the IOMMU, as `iommukit models` lists it", one => one.Result.Iommu },
        { "policy", Promises.PolicyMeaning, one => one.Result.Policy.ToString() },
        { "tuning", Tuning.Meaning, Tuning.Field<(ReplayResult Result, CommandRow Row)>(one => ReplayOutput.TuningOf(one.Result)) },
        { RowFields, one => one.Row },
    };

    /// <summary>Writes a table of commands for each case.</summary>
    public static void Write(Results writer, IReadOnlyList<ReplayResult> results) => writer.Write(
        Fields,
        [.. results.SelectMany(result => CommandRow.Of(result).Select(row => (result, row)))],
        (console, isMarkdown) =>
        {
            ReplayResult[] queues = [.. results.Where(result => CommandRow.Of(result).Count != 0)];
            if (queues.Length != 0)
            {
                var tables = new TableSet(console, isMarkdown);
                ReplayOutput.WriteCases(
                    console, queues, isMarkdown, CommandRow.Of, [.. RowFields.Columns("kind", "pages", "queued", "recorded")], tables);
                WriteLegend(isMarkdown, console, tables);
            }

            foreach (string iommu in results.Except(queues).Select(result => result.Iommu).Distinct(StringComparer.Ordinal))
            {
                console.Note(isMarkdown, $"{iommu} is given no commands by a queue here.");
            }
        });

    /// <summary>Writes one table of all policies on an IOMMU, if commands of that kind were recorded.</summary>
    public static void WriteBeside(IAnsiConsole console, TableSet tables, IReadOnlyList<ReplayResult> results, bool isMarkdown)
    {
        if (!CommandRow.IsComparable(results[0]))
        {
            return;
        }

        var cases = results
            .Select(result => (result.Policy, Rows: CommandRow.Of(result)))
            .GroupBy(one => string.Join('|', one.Rows), one => one, StringComparer.Ordinal)
            .Select(same => (Header: Outcome.NamesOf(same.Select(one => one.Policy)), same.First().Rows))
            .ToList();
        CommandRow[] rows =
        [
            .. cases.SelectMany(one => one.Rows)
                .DistinctBy(row => (row.Kind, row.Pages))
                .OrderBy(row => row.Kind, StringComparer.Ordinal)
                .ThenBy(row => row.Pages ?? 0),
        ];
        console.WriteLine();
        tables.Write(ColumnTable.Of(
            $"Commands on {results[0].Iommu}, beside the recorded ones",
            isMarkdown,
            [
                .. RowFields.Columns("kind", "pages", "recorded"),
                .. cases.Select((one, index) => new Column<CommandRow>(
                    one.Header,
                    index,
                    like => Numbers.Count(one.Rows.FirstOrDefault(row => row.Kind == like.Kind && row.Pages == like.Pages)?.Queued ?? 0))),
            ],
            rows));
    }

    private static void WriteLegend(bool isMarkdown, IAnsiConsole console, TableSet tables)
    {
        tables.Legend(("Pages", "how many each command names"), ("Recorded", "by the trace; waits are not"));
        console.Note(isMarkdown, "Without what the driver queues to set the IOMMU up and to attach the device.");
    }
}
