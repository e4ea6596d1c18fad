using IommuKit.Analysis.Explain;
using IommuKit.Cli.Commands;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit explain</c> says.</summary>
/// <param name="kind">The IOMMU.</param>
/// <param name="from">The policy that is compared with.</param>
/// <param name="to">The policy whose gain is explained.</param>
/// <param name="explanation">What was found.</param>
/// <param name="replay">How the trace that it is about was replayed; null if it is about sizes.</param>
/// <param name="hasDetails">Whether the tables by cause and by operation are wanted too.</param>
internal sealed class ExplainView(IommuKind kind, SyncPolicy from, SyncPolicy to, Explanation explanation, ReplayResult? replay, bool hasDetails)
{
    private static readonly string[] CauseHeaders = ["Invalidations", "Cleans", "Waits", "Software"];

    public IommuKind Kind => kind;

    public SyncPolicy From => from;

    public SyncPolicy To => to;

    public Explanation Explanation => explanation;

    public ReplayResult? Replay => replay;

    /// <summary>What is split: a gain, or a loss.</summary>
    public string Whole => explanation.Headline.IsLoss ? "loss" : "gain";

    public void Write(Results results) => results.WriteOne(new ExplainRecord(this), ExplainPartRecord.Of(this), WriteTables);

    private void WriteTables(IAnsiConsole console, bool isMarkdown)
    {
        var leftOut = new List<string>();
        string whole = Whole;
        foreach (string line in new ExplainAnswer(this).Lines())
        {
            console.Note(isMarkdown, line);
        }

        if (replay is not null)
        {
            console.Note(isMarkdown, $"{Names.OfFile(replay.Trace.File)}: {TraceNotes.Origin(replay.Trace)}");
        }

        console.WriteLine();
        leftOut.AddRange(WriteTable(
            console,
            $"{kind.Name}: {whole} of {to} {(whole == "gain" ? "over" : "against")} {from}; times with costs {explanation.Costs.Name}",
            isMarkdown,
            ["TLB maintenance", "DMA sync", "Software"],
            ExplainAnswer.Parts));
        if (hasDetails)
        {
            leftOut.AddRange(WriteTable(
                console,
                $"The same {whole} by cause (Shapley, {Workload.Combinations} combinations)",
                isMarkdown,
                CauseHeaders,
                attribution => attribution.ByCause));
            leftOut.AddRange(WriteTable(
                console,
                $"The same {whole} by what is {(explanation.Headline.IsLoss ? "added" : "saved")}",
                isMarkdown,
                ["Register writes", "Read-backs", "Lines", "Barriers", "Software"],
                attribution => attribution.ByOperation));
        }

        ColumnTable.WriteLeftOut(console, leftOut);
        foreach (string sentence in Coverage())
        {
            console.Note(isMarkdown, sentence);
        }

        foreach (string sentence in Conclusions.Of(explanation))
        {
            console.Note(isMarkdown, sentence);
        }

        foreach (string sentence in UndirectedFlushText.Of(kind, explanation))
        {
            console.Note(isMarkdown, sentence);
        }

        if (!hasDetails && explanation.Headline is { IsDifferent: true, IsSure: true } headline)
        {
            console.Note(isMarkdown, $"By cause (Shapley, {Workload.Combinations} combinations): {Shares(headline, headline.ByCause)}.");
            console.Note(isMarkdown, $"By operation: {Shares(headline, headline.ByOperation)}. All of them for every size: --details.");
        }

        if (Promises.Note([from, to]) is { } promise)
        {
            console.Note(isMarkdown, promise);
        }

        console.Note(isMarkdown, $"Costs {explanation.Costs.Name}: {explanation.Costs.Description}");
        if (Fit is { } fit)
        {
            console.Note(isMarkdown, $"Intervals: {fit}");
        }

        console.Note(
            isMarkdown,
            $"µs: virtual time; percentages of the {whole}, with 90 % intervals where costs were fitted. Waits: barriers and read-backs.");
        if (explanation.Headline.Workload.Operation is not null)
        {
            console.Note(isMarkdown, "A modelled device tried every page with every combination of causes.");
        }
    }

    /// <summary>What the intervals come from; null if there are none.</summary>
    public string? Fit => explanation.Calibration?.ToVector("fitted").Description;

    private static string Shares(Attribution attribution, IEnumerable<AttributionPart> parts) =>
        string.Join(", ", parts.Select(part => $"{part.Name} {ExplainAnswer.Share(attribution, part)}"));

    /// <summary>Of how much of the trace the conclusions are, in the words of <c>iommukit replay</c>.</summary>
    private IEnumerable<string> Coverage()
    {
        if (replay is null)
        {
            return [];
        }

        return
        [
            $"{replay.Trace.File}: {TraceNotes.Contents(replay.Trace)}",
            .. replay.Coverage is not { } share || share == 1
                ? Array.Empty<string>()
                : [$"Explained are {Output.Coverage.Percent(share)} of its maps and unmaps."],
            .. replay.Skipped.Select(skipped => $"skipped: {Skips.Describe(skipped, "the IOMMU")}"),
            .. TraceNotes.Of(replay.Trace),
        ];
    }

    private IReadOnlyList<string> WriteTable(
        IAnsiConsole console, string title, bool isMarkdown, string[] headers, Func<Attribution, IReadOnlyList<AttributionPart>> partsOf)
    {
        var table = new ColumnTable(title, isMarkdown);
        table.AddColumn("Work", isNumber: false);
        table.AddColumn($"{from} µs", 2);
        table.AddColumn($"{to} µs", 1);
        foreach (string header in headers)
        {
            table.AddColumn(header);
        }

        foreach (var attribution in explanation.Attributions)
        {
            var work = attribution.Workload;
            table.AddRow(
            [
                work.Operation is { } operation ? $"{Names.Of(operation)} {work.Name}" : Names.OfFile(work.Name),
                Numbers.Microseconds(attribution.FromUs),
                Numbers.Microseconds(attribution.ToUs),
                .. partsOf(attribution).Select(part => ExplainAnswer.Share(attribution, part)),
            ]);
        }

        return table.Write(console);
    }
}
