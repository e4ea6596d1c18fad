using IommuKit.Analysis.Explain;
using IommuKit.Analysis.Report;
using IommuKit.Lab;

namespace IommuKit.Cli.Output.Report;

/// <summary>The page about the proposal of 2015: the question, the answer, and what it rests on.</summary>
internal static class SeedPage
{
    /// <summary>The title, where the user gives none.</summary>
    public const string Title = "TLB maintenance, or the DMA sync?";

    /// <summary>Where the question is from.</summary>
    public const string Kicker = "iommu: Add range flush operation · linux-kernel, 29 September 2015";

    /// <summary>What is below the title.</summary>
    public static IReadOnlyList<string> Lead(ReportRun run) =>
    [
        "One flush for the range instead of one for every page made unmaps many times faster. The reply asked what of that is due to batching the TLB "
            + "maintenance, and what to a DMA sync in fewer pieces.",
        $"{run.Request.Kind.Name}: {run.Request.Kind.Description}. Times of the paper are measured; those of the model are virtual: operations that were "
            + $"counted, times what each costs ({run.Costs.Name}). They are never time of the computer that made this page.",
    ];

    /// <summary>The parts.</summary>
    public static IEnumerable<ReportSection> Sections(ReportRun run)
    {
        yield return new ReportSection("summary", "The answer", body =>
        {
            body.Tiles(Tiles(run));
            AttributionSection.WriteAsked(body, run.Explanation!);
            body.Fold("In sentences", () => body.List(Summary(run)));
        });
        yield return SeedSection.Of(run);
        yield return AttributionSection.Of(run);
        yield return BoundSection.Of(run);
    }

    private static IEnumerable<ReportTile> Tiles(ReportRun run)
    {
        if (SeedSection.Asked(run) is { } asked)
        {
            var (before, after) = asked;
            string model = Numbers.Times(before.VirtualMicroseconds, after.VirtualMicroseconds);
            string work = $"{Names.Of(after.Operation)} of {ByteSize.Format(after.Size)}";
            yield return after is { PaperBefore: { } was, PaperAfter: { } now }
                ? new ReportTile(
                    work,
                    $"{Numbers.Times(was.Mean, now.Mean)} faster",
                    $"{Numbers.Microseconds(was.Mean)} → {Numbers.Microseconds(now.Mean)} µs, as the paper measured; {model} in the model.",
                    ReportTone.Answer)
                : new ReportTile(
                    work,
                    $"{model} faster",
                    $"{Numbers.Microseconds(before.VirtualMicroseconds)} → {Numbers.Microseconds(after.VirtualMicroseconds)} µs in the model; not measured.",
                    ReportTone.Answer);
        }

        var headline = run.Explanation!.Headline;
        if (headline is { IsDifferent: true, IsSure: true })
        {
            yield return Part("TLB maintenance", headline, headline.Registers);
            yield return Part("DMA sync", headline, headline.DmaSync);
        }

        string[] conclusions = [.. Conclusions.Of(run.Explanation)];
        bool hasIntervals = headline.Registers.Interval is not null;
        yield return new ReportTile(
            "How sure?",
            hasIntervals ? "90 % intervals" : "No intervals",
            hasIntervals ? $"{conclusions[1]} {conclusions[^1]}" : conclusions[^1],
            ReportTone.Plain,
            IsWide: true);
        if (run.Explanation.Next is [var next, ..])
        {
            yield return new ReportTile(
                "What would settle it",
                $"Time {next.Name}",
                "The one measurement on a board that would narrow the intervals most, of those that were tried.",
                ReportTone.Plain,
                IsWide: true);
        }
    }

    private static ReportTile Part(string name, Attribution attribution, AttributionPart part) =>
        new(name, AttributionSection.Short(attribution, part), $"of what is saved: {part.Name[(name.Length + 2)..^1]}.", ReportTone.Answer);

    private static IEnumerable<string> Summary(ReportRun run) =>
    [
        .. SeedSection.Summary(run),
        .. Conclusions.Of(run.Explanation!).Take(2),
        .. run.Check is { } check ? [CheckSection.Verdict(run, check)] : Array.Empty<string>(),
    ];
}
