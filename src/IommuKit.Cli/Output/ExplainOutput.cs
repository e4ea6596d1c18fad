using IommuKit.Analysis.Explain;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The fields of <c>iommukit explain</c>.</summary>
internal static class ExplainOutput
{
    /// <summary>A share of a gain.</summary>
    public static FieldList<(Attribution Attribution, AttributionPart Part)> ShareFields { get; } = new("explain-share")
    {
        { "part", "what it is due to", of => of.Part.Name },
        {
            "share",
            "share of the gain; null where the measurements leave more than one vector of costs, and where the policies do the same",
            of => of.Attribution is { IsUnique: true, IsDifferent: true } ? of.Part.Share : null,
            4
        },
        { "share_low", "the lower end of its 90 % interval; null with `--costs`", of => of.Part.Interval?.Low, 4 },
        { "share_high", "the upper end", of => of.Part.Interval?.High, 4 },
    };

    /// <summary>A part of a gain.</summary>
    public static FieldList<ExplainedPart> PartFields { get; } = new("explain-part")
    {
        { "iommu", "the IOMMU", of => of.View.Kind.Name },
        { "from", "the policy that is compared with", of => of.View.From.ToString() },
        { "to", "the policy whose gain is explained", of => of.View.To.ToString() },
        { "work", "a size or a file", of => of.Attribution.Workload.Name },
        {
            "op",
            "`map` or `unmap`; null for a file",
            of => of.Attribution.Workload.Operation is { } operation ? Names.Of(operation) : null,
            Maybe.Null
        },
        { "from_us", "virtual time under `from`", of => of.Attribution.FromUs, 3 },
        { "to_us", "virtual time under `to`", of => of.Attribution.ToUs, 3 },
        {
            "split",
            "`cause` (Shapley), `operation` (what is saved) or `reply` (the two halves of the question in the reply of 2015); the parts of `cause`, and "
                + "those of `operation`, sum to the gain `from_us` - `to_us`",
            of => of.Split
        },
        { "part", "what it is due to, in the words of its machine: `doorbells with their waits` of a queue, `fences` where nothing is cleaned", of => of.Part.Name },
        {
            "us",
            "the part; null where the measurements leave more than one vector of costs",
            of => of.Attribution.IsUnique ? of.Part.Us : null,
            3
        },
        {
            "share",
            "share of the gain; null too where the two policies do the same",
            of => of.Attribution is { IsUnique: true, IsDifferent: true } ? of.Part.Share : null,
            4
        },
        {
            "share_low",
            "the lower end of its 90 % interval; null with `--costs`",
            of => of.Attribution.IsDifferent ? of.Part.Interval?.Low : null,
            4
        },
        { "share_high", "the upper end", of => of.Attribution.IsDifferent ? of.Part.Interval?.High : null, 4 },
    };

    /// <summary>What could be measured next.</summary>
    public static FieldList<CandidateMeasurement> NextFields { get; } = new("explain-next")
    {
        { "measurement", "what could be timed on a board", candidate => candidate.Name },
        {
            "uncertainty",
            "what `uncertainty` would be with four times of it that come out as the fit expects",
            candidate => candidate.Uncertainty,
            4
        },
    };

    /// <summary>An explanation.</summary>
    public static FieldList<ExplainView> Fields { get; } = new("explain")
    {
        { "costs", "where the costs come from", view => view.Explanation.Costs.Description },
        { "prior", "the costs that the priors come from; null with `--costs`", view => view.Explanation.Calibration?.Prior.Source?.Name, Maybe.Null },
        { "resamples", "how often intervals were drawn; null with `--costs`", view => view.Explanation.Calibration?.Options.Resamples },
        { "seed", "where their random numbers started; null with `--costs`", view => view.Explanation.Calibration?.Options.Seed },
        { "parts", "one for each part of each gain", PartFields, view => view.Parts },
        {
            "uncertainty",
            "widths of the four causes' intervals added up, for the work that the conclusions are about: at most 4",
            view => view.Explanation.Calibration is null ? null : view.Explanation.Uncertainty,
            4
        },
        {
            "uncertainty_with_other_prior",
            "the same without the prior, or with the built-in one if there is none",
            view => view.Explanation.Calibration is null ? null : view.Explanation.OtherUncertainty,
            4
        },
        { "next_measurements", "what could be timed, the most telling first", NextFields, view => view.Explanation.Next },
        {
            "conclusions",
            "sentences",
            view => Conclusions.Of(view.Explanation).Concat(UndirectedFlushText.Of(view.Kind, view.Explanation))
        },
        { "map_events", "as in `replay`: what of the trace the conclusions are about; null without a trace", view => view.Replay?.Trace.Maps },
        { "unmap_events", "as in `replay`; null without a trace", view => view.Replay?.Trace.Unmaps },
        { "lost_events", "as in `replay`; null without a trace", view => view.Replay?.Trace.Lost },
        { "skipped", "as in `replay`; null without a trace", view => view.Replay?.SkippedCount },
        {
            "costs_name",
            "the costs of `from_us` and `to_us`: those of `--costs`, those fitted to `--measurements`, or the built-in ones that `replay` and `bench` "
                + "take too",
            view => view.Explanation.Costs.Name
        },
        {
            "unpriced",
            "kinds of operations in the work that the costs say nothing of, so that they took no time",
            view => view.Explanation.Unpriced.Select(OperationKinds.NameOf)
        },
        { "fit", "what the intervals come from; null with `--costs`", view => view.Fit, Maybe.Null },
        { "coverage", "as in `replay`; null without a trace", view => view.Replay?.Coverage, 6 },
        { "exposure", "what the second policy left reachable on the trace; null without one", ReplayOutput.ReachFields, view => view.Replay, Maybe.Null },
        { "recorded_on", "as in `replay`; null without a trace", view => view.Replay?.Trace.RecordedOn, Maybe.Null },
        { "kernel", "as in `replay`; null without a trace", view => view.Replay?.Trace.Kernel, Maybe.Null },
        { "recorded_traits", "as in `replay`; empty without a trace", view => view.Replay?.Trace.RecordedTraits ?? [] },
        { "tuning", "as in `replay`; empty without a trace", Tuning.Field<ExplainView>(view => view.Replay is { } of ? ReplayOutput.TuningOf(of) : (new(), 0)) },
        { "answer", "the lines of the answer, with bars", view => new ExplainAnswer(view).Lines().Select(line => line.Trim()) },
        {
            "with_other_prior",
            "the two halves of `reply`, for the work that the conclusions are about, without the prior, or with the built-in one if there is none",
            ShareFields,
            view => view.Explanation.OtherHeadline is { IsSure: true } other ? [(other, other.Registers), (other, other.DmaSync)] : null,
            Maybe.Null
        },
        { "skipped_reasons", "as in `replay`; null without a trace", SkipText.Fields, view => view.Replay?.Skipped, Maybe.Null },
        {
            "today",
            "the work that the conclusions are about on IOMMUs that take commands from a queue; empty where a machine, costs or a trace were named",
            TodayText.Fields,
            view => view.Today
        },
    };
}

/// <summary>A part of a gain.</summary>
/// <param name="View">What is explained.</param>
/// <param name="Attribution">The gain.</param>
/// <param name="Split">By what it is split.</param>
/// <param name="Part">The part.</param>
internal sealed record ExplainedPart(ExplainView View, Attribution Attribution, string Split, AttributionPart Part);

/// <summary>What <c>iommukit explain</c> says.</summary>
/// <param name="kind">The IOMMU.</param>
/// <param name="from">The policy that is compared with.</param>
/// <param name="to">The policy whose gain is explained.</param>
/// <param name="explanation">What was found.</param>
/// <param name="replay">How the trace that it is about was replayed; null if it is about sizes.</param>
/// <param name="hasDetails">Whether the tables by cause and by operation are wanted too.</param>
/// <param name="today">The same work on other machines, with costs of their own; empty if that was not asked for.</param>
internal sealed class ExplainView(
    IommuKind kind,
    SyncPolicy from,
    SyncPolicy to,
    Explanation explanation,
    ReplayResult? replay,
    bool hasDetails,
    IReadOnlyList<OnOtherMachine> today)
{
    public IommuKind Kind => kind;

    public SyncPolicy From => from;

    public SyncPolicy To => to;

    public Explanation Explanation => explanation;

    public ReplayResult? Replay => replay;

    /// <summary>The same work on other machines.</summary>
    public IReadOnlyList<OnOtherMachine> Today => today;

    /// <summary>What is split: a gain, or a loss.</summary>
    public string Whole => explanation.Headline.IsLoss ? "loss" : "gain";

    /// <summary>Every part of every gain.</summary>
    public IEnumerable<ExplainedPart> Parts => explanation.Attributions.SelectMany(attribution => (ExplainedPart[])
    [
        .. attribution.ByCause.Select(part => new ExplainedPart(this, attribution, "cause", part)),
        .. attribution.ByOperation.Select(part => new ExplainedPart(this, attribution, "operation", part)),
        new ExplainedPart(this, attribution, "reply", attribution.Registers),
        new ExplainedPart(this, attribution, "reply", attribution.DmaSync),
    ]);

    public void Write(Results results) => results.WriteOne(ExplainOutput.Fields, this, ExplainOutput.PartFields, [.. Parts], WriteTables);

    private void WriteTables(IAnsiConsole console, bool isMarkdown)
    {
        var tables = new TableSet(console, isMarkdown);
        string whole = Whole;
        foreach (var (index, line) in new ExplainAnswer(this).Lines().Index())
        {
            console.Note(isMarkdown, line);
            if (index == 0)
            {
                // Before the answer: shares of what has no cost say little.
                foreach (string note in Operations.CostNotes([(kind.Name, explanation.Costs.Name, explanation.Unpriced)]))
                {
                    console.Note(isMarkdown, note);
                }
            }
        }

        if (replay is not null)
        {
            console.Note(isMarkdown, $"{Names.OfFile(replay.Trace.File)}: {TraceNotes.Origin([replay])}");
            if (ChosenText.Of([replay]) is { } chosen)
            {
                console.Note(isMarkdown, $"  {chosen}");
            }

            console.Note(isMarkdown, $"  {TraceNotes.Gain(replay.Trace, from, to)}");
        }

        if (today.Count != 0)
        {
            console.Note(isMarkdown, TodayText.Answer(today));
        }

        console.WriteLine();
        tables.Write(TableOf(
            $"{kind.Name}: {whole} of {to} {(whole == "gain" ? "over" : "against")} {from}; times with costs {explanation.Costs.Name}",
            isMarkdown,
            ["TLB maintenance", "DMA sync", "Software"],
            ExplainAnswer.Parts));
        if (hasDetails)
        {
            if (today.Count != 0)
            {
                tables.Write(TodayText.Table(today, isMarkdown));
            }

            tables.Write(TableOf(
                $"The same {whole} by cause (Shapley, {Workload.Combinations} combinations)",
                isMarkdown,
                ["Invalidations", "Cleans", HeaderOf(explanation.Headline.ByCause[2].Name["fewer ".Length..]), "Software"],
                attribution => attribution.ByCause));
            tables.Write(TableOf(
                $"The same {whole} by what is {(explanation.Headline.IsLoss ? "added" : "saved")}",
                isMarkdown,
                [.. explanation.Headline.ByOperation.Select(part => HeaderOf(part.Name))],
                attribution => attribution.ByOperation));
        }

        tables.WriteLeftOut();
        foreach (string sentence in Coverage())
        {
            console.Note(isMarkdown, sentence);
        }

        if (hasDetails)
        {
            foreach (string sentence in (IEnumerable<string>)[.. Conclusions.Of(explanation), .. UndirectedFlushText.Of(kind, explanation)])
            {
                console.Note(isMarkdown, sentence);
            }
        }
        else if (explanation.Headline is { IsDifferent: true, IsSure: true } headline)
        {
            console.Note(isMarkdown, $"By cause: {Shares(headline, headline.ByCause)}.");
            console.Note(isMarkdown, $"By operation: {Shares(headline, headline.ByOperation)}.");
        }

        if (Promises.Note([from, to]) is { } promise)
        {
            console.Note(isMarkdown, promise);
        }

        if (hasDetails)
        {
            console.Note(isMarkdown, $"Costs {explanation.Costs.Name}: {explanation.Costs.Description}");
            if (Fit is { } fit)
            {
                console.Note(isMarkdown, $"Intervals: {fit}");
            }
        }
        else
        {
            console.Note(isMarkdown, "--details: each size by cause and by operation, what follows from that, and where costs and intervals are from.");
        }

        console.Note(
            isMarkdown,
            $"µs: virtual time; percentages of the {whole}, with 90 % intervals where costs were fitted.");
        if (explanation.Attributions.Any(attribution => attribution.Workload.Has(OperationKind.Doorbell)))
        {
            console.Note(isMarkdown, "Doorbells: the cost of one has the time in it until the wait behind it is answered.");
        }

        if (hasDetails && explanation.Headline.Workload.Operation is not null)
        {
            console.Note(isMarkdown, kind.HasQueue
                ? "A modelled device tried every page under both policies; combinations of causes are mixed of their counts."
                : "A modelled device tried every page with every combination of causes.");
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
            $"{Names.OfFile(replay.Trace.File)}: {TraceNotes.Contents(replay.Trace)}",
            .. replay.Coverage is not { } share || share == 1
                ? Array.Empty<string>()
                : [$"Explained are {Output.Coverage.Percent(share)} of its maps and unmaps."],
            .. replay.Skipped.Select(skipped => $"skipped: {SkipText.Describe(skipped, "the IOMMU")}"),
            .. TraceNotes.Of(replay.Trace),
        ];
    }

    private ColumnTable TableOf(
        string title, bool isMarkdown, string[] headers, Func<Attribution, IReadOnlyList<AttributionPart>> partsOf)
    {
        var table = new ColumnTable(title, isMarkdown);
        bool isOfSizes = explanation.Headline.Workload.Operation is not null;
        if (isOfSizes)
        {
            table.AddColumn("Work", isNumber: false);
        }

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
                .. isOfSizes ? [$"{Names.Of(work.Operation!.Value)} {work.Name}"] : Array.Empty<string>(),
                Numbers.Microseconds(attribution.FromUs),
                Numbers.Microseconds(attribution.ToUs),
                .. partsOf(attribution).Select(part => ExplainAnswer.Share(attribution, part)),
            ]);
        }

        return table;
    }

    private static string HeaderOf(string operation) => operation == "lines cleaned" ? "Lines" : $"{char.ToUpperInvariant(operation[0])}{operation[1..]}";
}
