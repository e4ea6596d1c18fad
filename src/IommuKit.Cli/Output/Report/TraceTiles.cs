using System.Globalization;
using IommuKit.Analysis.Report;
using IommuKit.Analysis.Verdict;

namespace IommuKit.Cli.Output.Report;

/// <summary>The verdict on a trace as numbers that are seen from afar.</summary>
internal static class TraceTiles
{
    // Less than this share of the processors' time is not felt; more than that is.
    private const double Little = 0.002;
    private const double Much = 0.05;

    private const double Worth = 0.1;

    /// <summary>The tiles.</summary>
    public static IEnumerable<ReportTile> Of(VerdictResult verdict)
    {
        yield return Time(verdict);
        yield return Wrong(verdict);
        yield return Waste(verdict);
        yield return Exposure(verdict);
        yield return Coverage(verdict);
        foreach (var advice in verdict.Advice)
        {
            yield return new ReportTile(
                "Try",
                Capital(advice.Change),
                advice.Condition is { } condition ? $"Safe if {condition}." : string.Empty,
                ReportTone.Answer,
                IsWide: true);
        }
    }

    /// <summary>How long flushes took.</summary>
    public static ReportTile Time(VerdictResult verdict)
    {
        const string Label = "Time in flushes";
        if (verdict.Times is not { } times)
        {
            string why = verdict.Flushes == 0 ? "The trace has no events of flushes: neither how many there were nor what they cost is known."
                : verdict.Gaps is { } gaps
                    ? $"{Numbers.Count(verdict.Flushes)} flushes, but of {Numbers.Count(gaps.Count)} gaps to the next event {Numbers.Count(gaps.TooLong)} "
                        + $"are longer than {Durations.Of(gaps.MostPerFlush)} and say nothing."
                : verdict.Span is null ? $"{Numbers.Count(verdict.Flushes)} flushes, but the events have no times."
                : $"{Numbers.Count(verdict.Flushes)} flushes, but the events do not say their task and processor.";
            return new ReportTile(Label, verdict.Gaps is null ? "not recorded" : "cannot be told", why, ReportTone.Plain);
        }

        string share = verdict.ShareOfTime is { } part
            ? $"{VerdictText.Share(part)} of the CPUs' {Durations.Of((double)verdict.Span!.Value * verdict.Processors)}; "
            : string.Empty;
        var tone = verdict.ShareOfTime switch
        {
            null => ReportTone.Plain,
            < Little => ReportTone.Good,
            > Much => ReportTone.Doubtful,
            _ => ReportTone.Plain,
        };
        string condition = times.TooLong == 0 ? string.Empty
            : $"{Numbers.Count(times.TooLong)} of {Numbers.Count(times.Count)} gaps are longer; ";
        return new ReportTile(
            times.TooLong == 0 ? Label : $"{Label}, if none took over {Durations.Of(times.MostPerFlush)}",
            $"≤ {Durations.Of(times.Sum)}",
            $"{condition}{share}{Numbers.Count(verdict.Flushes, "flush", "flushes")}, median {VerdictText.Gap(times, 0.5)}, p99 {VerdictText.Gap(times, 0.99)}",
            tone);
    }

    /// <summary>Whether anything is missing, late or refused.</summary>
    public static ReportTile Wrong(VerdictResult verdict)
    {
        const string Label = "Wrong?";
        var problems = TraceFindings.Problems(verdict).ToList();
        var sure = problems.Where(problem => problem.Tone == ReportTone.Bad).ToList();
        return sure.Count != 0
                ? new ReportTile(Label, string.Join(", ", sure.Select(problem => problem.Short)), Also(verdict, problems, sure), ReportTone.Bad)
            : problems.Count != 0
                ? new ReportTile(Label, "Perhaps", string.Join(", ", problems.Select(problem => problem.Short)), ReportTone.Doubtful)
            : verdict.Flushes == 0
                ? new ReportTile(Label, "No fault seen", "Whether a flush is missing cannot be told without events of flushes.", ReportTone.Plain)
            : verdict.Audit.WhyOneSided is { } why
                ? new ReportTile(Label, "No fault seen", $"Whether a flush is missing or late cannot be told. {why}.", ReportTone.Plain)
                : new ReportTile(Label, "Nothing", "No flush is missing or late, and there is no fault in the trace.", ReportTone.Good);
    }

    /// <summary>How many flushes need not have been.</summary>
    public static ReportTile Waste(VerdictResult verdict)
    {
        const string Label = "Need not have been";
        if (verdict.Flushes == 0)
        {
            return new ReportTile(Label, "not known", "No flushes were recorded.", ReportTone.Plain);
        }

        if (verdict.Audit.WhyOneSided is { } why)
        {
            return new ReportTile(Label, "not known", $"{why}.", ReportTone.Plain);
        }

        var batch = verdict.Waste.FirstOrDefault(waste => waste.Finding.Id == "not-batched");
        double share = (batch?.Sure ?? 0) / (double)verdict.Flushes;
        string more = verdict.Waste.FirstOrDefault(waste => waste.Finding.Id == "walk-caches-dropped") is not { } walks ? string.Empty
            : $" {VerdictText.Share(walks.Sure / (double)verdict.Flushes)} dropped the walk caches for a table that stayed.";
        return new ReportTile(
            Label,
            batch is null ? verdict.Coverage < VerdictText.Whole ? "not known" : "0 %" : VerdictText.Share(share),
            (batch is null
                ? $"{(verdict.Coverage < VerdictText.Whole ? $"Of the {VerdictText.Share(verdict.Coverage)} that are covered: no" : "No")} burst of unmaps was flushed one by one."
                : $"of all flushes: {Numbers.Count(batch.Sure)} in {Numbers.Count(batch.Finding.Count, "burst")} of unmaps, where one for each would do.") + more,
            share >= Worth ? ReportTone.Doubtful : batch is null && verdict.Coverage < VerdictText.Whole ? ReportTone.Plain : ReportTone.Good);
    }

    /// <summary>What stayed reachable.</summary>
    public static ReportTile Exposure(VerdictResult verdict)
    {
        const string Label = "Reachable after unmap";
        var recorded = verdict.Options.First(option => option.Kind == FlushOptionKind.Recorded);
        string? pages = recorded.Pages is { Count: not 0 } count
            ? $"{Numbers.Count(count.Percentile(0.99))} pages (p99), {Numbers.Count(count.Max)} at most"
            : null;
        return recorded.Nanoseconds is { Count: not 0 } times
            ? new ReportTile(
                Label,
                Durations.Of(times.Percentile(0.99)),
                $"p99; {Durations.Of(times.Max)} at most. {(pages is null ? string.Empty : $"At once {pages}.")}".TrimEnd(),
                ReportTone.Plain)
            : new ReportTile(
                Label,
                pages is null ? "not known" : $"{Numbers.Count(recorded.Pages!.Percentile(0.99))} pages",
                pages is null ? "Until when pages stay reachable is not in the trace." : $"at once: {pages}; for how long is not in the trace.",
                ReportTone.Plain);
    }

    private static ReportTile Coverage(VerdictResult verdict)
    {
        string left = verdict.LeftOut.Count == 0 ? "nothing lost" : $"left out: {string.Join(", ", verdict.LeftOut)}";
        return new ReportTile(
            "Covered by this page",
            VerdictText.Share(verdict.Coverage),
            $"{Numbers.Count(verdict.Audit.Maps, "map")} and {Numbers.Count(verdict.Audit.Unmaps, "unmap")}; {left}.",
            verdict.Coverage < 1 || verdict.LeftOut.Count != 0 ? ReportTone.Doubtful : ReportTone.Plain);
    }

    /// <summary>Why devices faulted, and what may be wrong besides.</summary>
    private static string Also(VerdictResult verdict, IReadOnlyList<TraceProblem> problems, IReadOnlyList<TraceProblem> sure)
    {
        var causes = FaultText.Causes(verdict.Audit.Faults).ToList();
        var others = problems.Except(sure).ToList();
        var faults = verdict.Audit.Faults;
        string messages = faults.Messages == faults.Faults.Count ? string.Empty : $" In {Numbers.Count(faults.Messages, "message")}.";
        return (causes.Count == 0 ? "See the findings." : $"{Capital(string.Join(", ", causes))}.")
            + (VerdictText.AboutLog(verdict) is { } aboutLog ? $" {Capital(aboutLog)}." : string.Empty)
            + messages
            + (FaultText.NotPrinted(faults) is { } notPrinted ? $" And {notPrinted}." : string.Empty)
            + (others.Count == 0 ? string.Empty : $" Perhaps also: {string.Join(", ", others.Select(problem => problem.Short))}.");
    }

    private static string Capital(string text) => text.Length == 0 ? text : char.ToUpper(text[0], CultureInfo.InvariantCulture) + text[1..];
}
