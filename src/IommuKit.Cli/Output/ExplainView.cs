using IommuKit.Cli.Commands;
using IommuKit.Domains;
using IommuKit.Lab.Explain;
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
internal sealed class ExplainView(MachineKind kind, SyncPolicy from, SyncPolicy to, Explanation explanation, ReplayResult? replay)
{
    private static readonly string[] CauseHeaders = ["Invalidations", "Cleans", "Waits", "Software"];

    public MachineKind Kind => kind;

    public SyncPolicy From => from;

    public SyncPolicy To => to;

    public Explanation Explanation => explanation;

    public ReplayResult? Replay => replay;

    public void Write(Results results) => results.WriteOne(new ExplainRecord(this), ExplainPartRecord.Of(this), WriteTables);

    private void WriteTables(IAnsiConsole console, bool isMarkdown)
    {
        var leftOut = new List<string>();
        string whole = explanation.Headline.IsLoss ? "loss" : "gain";
        leftOut.AddRange(WriteTable(
            console,
            $"{kind.Name}: {whole} of {to} {(whole == "gain" ? "over" : "against")} {from}, by cause (Shapley, {Workload.Combinations} combinations)",
            isMarkdown,
            CauseHeaders,
            attribution => attribution.ByCause));
        leftOut.AddRange(WriteTable(
            console,
            $"The same {whole} by what is {(explanation.Headline.IsLoss ? "added" : "saved")}",
            isMarkdown,
            ["Register writes", "Read-backs", "Lines", "Barriers", "Software"],
            attribution => attribution.ByOperation));
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

        console.Note(isMarkdown, $"Costs {explanation.Costs.Name}: {explanation.Costs.Description}");
        console.Note(
            isMarkdown,
            $"µs: virtual time; percentages of the {whole}, with 90 % intervals where costs were fitted. Waits: barriers and read-backs.");
        if (explanation.Headline.Workload.Operation is not null)
        {
            console.Note(isMarkdown, "A modelled device tried every page with every combination of causes.");
        }
    }

    /// <summary>Of how much of the trace the conclusions are, in the words of <c>iommukit replay</c>.</summary>
    private IEnumerable<string> Coverage()
    {
        if (replay is null)
        {
            return [];
        }

        long events = replay.Trace.Maps + replay.Trace.Unmaps;
        return
        [
            $"{replay.Trace.File}: {TraceNotes.Contents(replay.Trace)}",
            .. replay.SkippedCount == 0
                ? Array.Empty<string>()
                : [FormattableString.Invariant(
                    $"Explained are {100.0 * (events - Math.Min(events, replay.SkippedCount)) / Math.Max(events, 1):0.#} % of its maps and unmaps.")],
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
                work.Operation is { } operation ? $"{Names.Of(operation)} {work.Name}" : work.Name,
                Numbers.Microseconds(attribution.FromUs),
                Numbers.Microseconds(attribution.ToUs),
                .. partsOf(attribution).Select(part => Cell(attribution, part)),
            ]);
        }

        return table.Write(console);
    }

    private static string Cell(Attribution attribution, AttributionPart part) =>
        !attribution.IsDifferent ? "no gain"
        : !attribution.IsSure ? "open"
        : part.Interval is not { } interval ? FormattableString.Invariant($"{100 * part.Share:0} %")
        : attribution.IsUnique ? FormattableString.Invariant($"{100 * part.Share:0} % ({100 * interval.Low:0}–{100 * interval.High:0})")
        : FormattableString.Invariant($"{100 * interval.Low:0}–{100 * interval.High:0} %");
}
