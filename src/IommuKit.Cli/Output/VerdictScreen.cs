using System.Globalization;
using IommuKit.Analysis.Verdict;
using IommuKit.Traces.Audit;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>A verdict on one screen.</summary>
internal static class VerdictScreen
{
    private const int WorstFaults = 3;

    // What a screen that is too short shows of the causes of waste.
    private const int MostWaste = 2;

    private const string More = "iommukit audit · replay · report FILE";

    // Less of the processors' time is not worth a word.
    private const double Felt = 0.005;

    // What the table of options takes.
    private const int FullWidth = 80;

    private static readonly Style Bad = new(Color.Red);
    private static readonly Style Doubtful = new(Color.Yellow);
    private static readonly Style Good = new(Color.Green);

    /// <summary>Writes it.</summary>
    /// <param name="console">Where to.</param>
    /// <param name="verdict">The verdict.</param>
    /// <param name="isMarkdown">Whether as Markdown.</param>
    /// <param name="isAlone">Whether nothing else is to be on the screen, which it then fills at most.</param>
    public static void Write(IAnsiConsole console, VerdictResult verdict, bool isMarkdown, bool isAlone)
    {
        var sections = new Sections(console, isMarkdown);
        sections.Plain(Title(verdict), new Style(decoration: Decoration.Bold));
        sections.Plain(Contents(verdict), verdict.Coverage < 1 || verdict.LeftOut.Count != 0 || verdict.Audit.OutOfOrder != 0 ? Doubtful : null);
        if (verdict.Audit.WhyOneSided is { } why)
        {
            sections.Plain(why, Doubtful);
        }

        if (verdict.Audit.Problem is { } problem)
        {
            sections.Plain($"{problem}; what could be read is below", Doubtful);
        }

        sections.Section("FLUSHES", Flushes(verdict));
        sections.Section("WRONG?", Wrong(verdict));
        if (verdict.Flushes != 0)
        {
            sections.Section("WASTE", Waste(verdict));
        }

        // What devices did wrong comes before what could be saved.
        bool hasFaults = verdict.Audit.Faults.Faults.Count != 0;
        var options = Options(verdict, isNarrow: !isMarkdown && sections.Width < FullWidth, isMarkdown);
        if (hasFaults)
        {
            options = options.Select(line => line.Weight < LineWeight.Further ? line with { Weight = LineWeight.Further } : line);
        }

        sections.Section("OPTIONS", options, isOne: hasFaults);

        // What to do, and not what to leave, is the last that may go.
        var first = verdict.Advice.FirstOrDefault(advice => advice.Id != "nothing") ?? (verdict.Advice is [var only, ..] ? only : null);
        sections.Section("TRY", verdict.Advice.Select(advice => new SectionLine(Sentence(advice), null, advice == first ? LineWeight.Answer : LineWeight.Detail))
            .DefaultIfEmpty(new SectionLine("nothing can be said")));
        if (isAlone)
        {
            sections.WriteOnOneScreen(leftOut => ("MORE", leftOut == 0
                ? More
                : $"{More}; {Numbers.Count(leftOut, "line")} more with | less"));
        }
        else
        {
            sections.Section("MORE", [new SectionLine(More)]);
            sections.Write();
        }
    }

    private static string Title(VerdictResult verdict)
    {
        string iommu = VerdictText.IommuOf(verdict);
        string span = verdict.Span is { } nanoseconds ? Durations.Of(nanoseconds) : "no times";
        string processors = verdict.Processors == 0 ? string.Empty : $"{(verdict.Span is null ? ", " : " on ")}{Numbers.Count(verdict.Processors, "CPU")}";
        string[] parts =
        [
            Names.OfFile(verdict.Audit.File),
            iommu,
            span + processors,
            .. VerdictText.KernelAndMachine(verdict),
        ];
        return string.Join(" · ", parts);
    }

    private static string Contents(VerdictResult verdict)
    {
        var audit = verdict.Audit;
        string flushes = verdict.Flushes == 0 ? "no flushes recorded" : Numbers.Count(verdict.Flushes, "flush", "flushes");
        string left = verdict.LeftOut.Count == 0 ? "nothing lost" : $"left out: {string.Join(", ", verdict.LeftOut)}";
        string order = audit.OutOfOrder == 0 ? string.Empty : $"{Numbers.Count(audit.OutOfOrder, "event")} earlier than the one before; ";
        return $"{Numbers.Count(audit.Maps, "map")}, {Numbers.Count(audit.Unmaps, "unmap")}, {flushes}; {left}; {order}"
            + (verdict.Coverage < 1 ? VerdictText.Share(verdict.Coverage) : "all")
            + (verdict.Flushes == 0 ? " read" : " covered below");
    }

    private static IEnumerable<SectionLine> Flushes(VerdictResult verdict)
    {
        if (verdict.Flushes == 0)
        {
            yield return new("not in the trace: neither how many there were nor what they cost", Doubtful);
            yield break;
        }

        var audit = verdict.Audit;
        var coverage = audit.Coverage;
        long whole = verdict.Flushes - verdict.PageFlushes;
        string kinds = whole == 0 ? " of pages"
            : verdict.PageFlushes == 0 ? " of whole domains"
            : $": {Numbers.Count(verdict.PageFlushes)} of pages, {Numbers.Count(whole)} of whole domains";
        string maps = coverage is { MapTime: not 0 } && audit.Unmaps != 0 ? $"; {Numbers.Count(coverage.MapTime)} of them follow maps" : string.Empty;
        yield return new($"{Numbers.Count(verdict.Flushes)}{kinds}{maps}; {PerUnmap(verdict)}", null);
        if (verdict.Gaps is not { } times)
        {
            yield return new(verdict.Span is null
                ? "their time is not in the trace: its events have no times"
                : "their time is not in the trace: its events do not say their task and processor", Doubtful);
            yield break;
        }

        string share = verdict.ShareOfTime is { } part
            ? $" of the CPUs' {Durations.Of((double)verdict.Span!.Value * verdict.Processors)} ({VerdictText.Share(part)}{Busiest(verdict, part)})"
            : string.Empty;
        string cutOff = Durations.Of(FlushTimes.CutOff);
        string open = times.Open == 0 ? string.Empty : $", {Numbers.Count(times.Open)} have none";
        if (times.IsVague)
        {
            string vague = $"{Numbers.Count(times.TooLong)} of {Numbers.Count(times.Count)} gaps exceed {cutOff}, more than one in five";
            yield return new($"their time cannot be told: {vague}{open}", Doubtful);
            yield break;
        }

        string may = times.TooLong == 0 ? string.Empty : $" ({Numbers.Count(times.TooLong)} of {Numbers.Count(times.Count)} gaps are longer)";
        yield return new($"at most {Durations.Of(times.Sum)}{share}, if none took longer than {cutOff}{may}; median {VerdictText.Gap(times, 0.5)}, p99 {VerdictText.Gap(times, 0.99)}", null);
        yield return new($"(recorded: to the next event of the task on its CPU{open}; closer: 'calibrate')", null, LineWeight.Note);
        if (VerdictText.Origin(verdict) is { } origin)
        {
            yield return new($"({origin})", verdict.IsVirtual ? Doubtful : null, verdict.IsVirtual ? LineWeight.Answer : LineWeight.Note);
        }
    }

    private static string Busiest(VerdictResult verdict, double share) =>
        verdict.BusiestShareOfTime is { } busiest && busiest >= 2 * share && busiest >= Felt ? $", {VerdictText.Share(busiest)} in the busiest second" : string.Empty;

    private static string PerUnmap(VerdictResult verdict)
    {
        double ratio = verdict.Flushes / (double)Math.Max(1, verdict.Audit.Unmaps);
        return verdict.Audit.Unmaps == 0 ? "no unmaps"
            : Math.Abs(ratio - 1) < 0.005 ? "one for every unmap"
            : ratio < 0.5 ? string.Create(CultureInfo.InvariantCulture, $"one for {1 / ratio:0.#} unmaps")
            : string.Create(CultureInfo.InvariantCulture, $"{ratio:0.##} for every unmap");
    }

    private static IEnumerable<SectionLine> Wrong(VerdictResult verdict)
    {
        bool isAnything = false;
        bool isMissing = verdict.Refused is not { Reserved: 0, MaskTooLarge: 0 };
        var doubtful = new List<SectionLine>();

        // What the hardware refuses is the likely cause of what is missing.
        if (verdict.Refused.Reserved != 0)
        {
            isAnything = true;
            string reserved = $"{Numbers.Count(verdict.Refused.Reserved, "command")} of a reserved kind, at which the queue stops";
            yield return new($"{reserved} (line {verdict.Refused.FirstReservedLine})", Bad);
        }

        if (verdict.Refused.MaskTooLarge != 0)
        {
            isAnything = true;
            string large = $"{Numbers.Count(verdict.Refused.MaskTooLarge, "page flush", "page flushes")} with a mask above 18, which hardware may refuse";
            yield return new($"{large} (line {verdict.Refused.FirstMaskLine})", Doubtful);
        }

        foreach (var finding in verdict.Audit.Findings)
        {
            string? what = finding.Id switch
            {
                "reused-before-invalidation" =>
                    $"{Numbers.Count(finding.Count, "IOVA")} mapped again before {(finding.Count == 1 ? "its" : "their")} flush: devices may reach the old memory",
                "never-invalidated" => $"{Numbers.Count(finding.Count)} unmaps never flushed: {Numbers.Count(finding.Cost, "page")} stay reachable",
                _ => null,
            };
            if (what is not null)
            {
                isAnything = true;
                isMissing = true;
                if (finding.Limit is null)
                {
                    yield return new($"{what} (line {finding.FirstLine})", Bad);
                }
                else
                {
                    doubtful.Add(new($"perhaps {what} (line {finding.FirstLine}); {OrElse(verdict)}", Doubtful));
                }
            }
        }

        var faults = verdict.Audit.Faults;
        if (FaultText.FailedFlushes(faults) is { } failed)
        {
            isAnything = true;
            isMissing = true;
            yield return new(failed, Bad);
        }

        isAnything |= faults.Faults.Count != 0;
        foreach (var line in Faults(verdict))
        {
            yield return line;
        }

        foreach (var line in doubtful)
        {
            yield return line;
        }

        string where = faults.LogFile is null || faults.LeftOut != 0 || faults.IsLogOfOtherKernel ? "the trace" : "the trace or the log";
        if (verdict.Flushes == 0 || verdict.Audit.Unmaps == 0)
        {
            yield return new($"{(isAnything ? string.Empty : $"no fault is in {where}; ")}whether a flush is missing cannot be told", null);
        }
        else if (verdict.Audit.Maps == 0)
        {
            yield return new($"{(isAnything ? string.Empty : $"no fault is in {where}, and no flush is missing; ")}whether one is late cannot be told", null);
        }
        else if (verdict.Audit.OutOfOrder != 0)
        {
            yield return new("whether a flush is missing or late cannot be told: events are out of order", Doubtful);
        }
        else if (!isAnything)
        {
            yield return new($"nothing missing, nothing late, no faults in {where}", Good);
        }
        else if (!isMissing)
        {
            yield return new("no flush is missing, and none is late", null);
        }
    }

    // What else may be the reason.
    private static string OrElse(VerdictResult verdict) =>
        verdict.Audit.OutOfOrder != 0 ? "or events are out of order"
        : verdict.Audit.IsIncomplete ? "or events are missing"
        : verdict.Audit.Domains.Count > 1 ? $"or the pages are of another of the {verdict.Audit.Domains.Count} domains"
        : "or the pages are of another domain";

    private static IEnumerable<SectionLine> Faults(VerdictResult verdict)
    {
        var faults = verdict.Audit.Faults;
        int folds = FoldedFaults.Of(faults.Faults, byDevice: false).Count;
        string? notPrinted = FaultText.NotPrinted(faults);
        bool hasSummary = folds > 1 || (folds == 1 && notPrinted is not null);
        if (VerdictText.AboutLog(verdict) is { } aboutLog)
        {
            yield return new(aboutLog, Doubtful);
        }

        if (hasSummary)
        {
            string suppressed = notPrinted is null ? string.Empty : $" and {notPrinted}";
            string causes = string.Join(", ", FaultText.Causes(faults));
            string messages = faults.Messages == faults.Faults.Count ? string.Empty : $" in {Numbers.Count(faults.Messages)} messages";
            yield return new($"{Numbers.Count(faults.Faults.Count)} faults{messages}{suppressed}: {causes}", Bad);
        }

        // The worst one stays, as what is wrong goes before what could be better.
        var weight = LineWeight.Answer;
        foreach (var fold in FoldedFaults.WorstOf(faults, WorstFaults))
        {
            // Where a line above says it all in red, these are its details.
            yield return new(fold.Short(), hasSummary ? null : Bad, weight);
            weight = LineWeight.Detail;
        }

        if (folds > WorstFaults)
        {
            yield return new("… 'iommukit audit' lists them all", null, LineWeight.Further);
        }
    }

    private static IEnumerable<SectionLine> Waste(VerdictResult verdict)
    {
        if (verdict.Audit.Unmaps == 0)
        {
            return [new SectionLine("cannot be told without unmaps")];
        }

        if (verdict.Waste.Count == 0)
        {
            return [verdict.Audit.Maps == 0 ? new SectionLine("cannot be told without maps") : new SectionLine("none found", Good)];
        }

        return verdict.Waste.SelectMany((waste, index) => (SectionLine[])
        [
            new(
                $"{ShareOf(verdict, waste),6} {Text(waste)} (line {waste.Finding.FirstLine})",
                null,
                index < MostWaste ? LineWeight.Answer : LineWeight.Further),

            // What it costs devices, as far as a trace without their accesses says.
            .. waste.Finding.Id == "walk-caches-dropped"
                ? [new SectionLine($"       up to {Numbers.Count(waste.Finding.Cost, "walk")} from the root more, see 'replay --device'", null, LineWeight.Further)]
                : Array.Empty<SectionLine>(),
        ]);

        string Text(FlushWaste waste) => waste.Finding.Id switch
        {
            "not-batched" => $"could be merged: {Numbers.Count(waste.Sure)} in {Numbers.Count(waste.Finding.Count, "burst")} of up to "
                + Numbers.Count(waste.Finding.Details.GetValueOrDefault("longest_burst")),
            "whole-domain-invalidated" => "dropped a whole domain for a few pages",
            "range-rounded-up" => "dropped more pages than were unmapped",
            "walk-caches-dropped" when waste.Sure == 0 => "dropped walk caches of tables, if those stay",
            "walk-caches-dropped" => $"dropped walk caches of tables that stay{Perhaps(verdict, waste)}",
            "nothing-to-invalidate" => "dropped nothing",
            _ => "came after maps, and need not",
        };
    }

    private static string ShareOf(VerdictResult verdict, FlushWaste waste) => waste.Sure != 0 ? VerdictText.Share(waste.Sure / (double)verdict.Flushes)
        : $"≤{VerdictText.Share(waste.AtMost / (double)verdict.Flushes)}";

    private static string Perhaps(VerdictResult verdict, FlushWaste waste)
    {
        string most = VerdictText.Share(waste.AtMost / (double)verdict.Flushes);
        return most == VerdictText.Share(waste.Sure / (double)verdict.Flushes) ? string.Empty : $", perhaps {most}";
    }

    private static IEnumerable<SectionLine> Options(VerdictResult verdict, bool isNarrow, bool isMarkdown)
    {
        if (verdict.Audit.Unmaps == 0)
        {
            yield return new("cannot be told without unmaps");
            yield break;
        }

        if (isNarrow)
        {
            foreach (var option in FlushOptionText.Different(verdict.Options))
            {
                yield return new(
                    $"{FlushOptionText.NameOf(option.Kind)}: {Numbers.Count(option.Flushes!.Value, "flush", "flushes")}, time saved {FlushOptionText.Saved(option)}; "
                        + $"still reachable (p99/max): {Pages(option)} pages for {Time(option)}",
                    null);
            }

            foreach (var line in UntilWhen(verdict))
            {
                yield return line;
            }

            yield break;
        }

        if (!isMarkdown)
        {
            yield return new($" {"",-20}{"",9}{"",11}{"still reachable, p99/max",29}");
        }

        yield return new($" {"",-20}{"flushes",9}{"time saved",11}{"pages at once",14}{"each for",15}")
        {
            Cells = ["", "flushes", "time saved", "pages still reachable at once, p99/max", "each for, p99/max"],
        };
        foreach (var option in FlushOptionText.Different(verdict.Options))
        {
            string name = FlushOptionText.NameOf(option.Kind);
            string flushes = Numbers.Count(option.Flushes!.Value);
            string saved = FlushOptionText.Saved(option);
            yield return new($" {name,-20}{flushes,9}{saved,11}{Pages(option),14}{Time(option),15}")
            {
                Cells = [name, flushes, saved, Pages(option), Time(option)],
            };
        }

        foreach (var line in UntilWhen(verdict))
        {
            yield return line;
        }
    }

    private static IEnumerable<SectionLine> UntilWhen(VerdictResult verdict)
    {
        if (verdict.Audit.CachingMode == CachingMode.On && verdict.Options.Any(option => option is { Kind: FlushOptionKind.Lazy, Flushes: not null }))
        {
            yield return new("(in caching mode Linux has no lazy mode: its row is what it would be)", null, LineWeight.Detail);
        }

        bool isRecorded = verdict.Options.Any(option => option is { Kind: FlushOptionKind.Recorded, Flushes: not null });
        if (verdict.Coverage < VerdictText.Whole && isRecorded)
        {
            yield return new($"(as recorded, what is reachable is of the {VerdictText.Share(verdict.Coverage)} that are covered)", Doubtful);
        }

        // It belongs to the numbers: without it, fewer flushes look safer.
        if (FlushOptionText.UntilWhen(verdict.Options) is { } text)
        {
            yield return new($"({text})", null);
        }

        if (FlushOptionText.AboutDomains(verdict) is { } domains)
        {
            yield return new($"({domains})", Doubtful, LineWeight.Detail);
        }

        yield return new("(as Linux would; the policies of 'replay' leave other numbers)", null, LineWeight.Note);
    }

    private static string Pages(FlushOption option) => option.Pages is not { Count: not 0 } pages ? "none"
        : $"{Numbers.Count(pages.Percentile(0.99))}/{Numbers.Count(pages.Max)}";

    private static string Time(FlushOption option) => option.Nanoseconds is not { Count: not 0 } times ? "not known"
        : $"{Durations.Short(times.Percentile(0.99))}/{Durations.Short(times.Max)}";

    private static string Sentence(Advice advice) => advice.Condition is null ? advice.Change : $"{advice.Change} – safe if {advice.Condition}";

}
