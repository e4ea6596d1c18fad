using System.Globalization;
using IommuKit.Analysis.Verdict;
using IommuKit.Traces.Audit;
using IommuKit.Traces.Faults;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit TRACE</c> says: the answer on one screen.</summary>
internal static class VerdictView
{
    private const int WorstFaults = 3;

    // More devices than these are counted rather than named.
    private const int MostDevices = 3;

    // What the table of options takes.
    private const int FullWidth = 80;

    private static readonly Style Bad = new(Color.Red);
    private static readonly Style Doubtful = new(Color.Yellow);
    private static readonly Style Good = new(Color.Green);

    public static void Write(IAnsiConsole console, VerdictResult verdict, bool isMarkdown)
    {
        var sections = new Sections(console, isMarkdown);
        sections.Plain(Title(verdict), new Style(decoration: Decoration.Bold));
        sections.Plain(Contents(verdict), verdict.Coverage < 1 || verdict.LeftOut.Count != 0 ? Doubtful : null);
        if (verdict.Audit.WhyNoMaps is { } why)
        {
            sections.Plain(why, Doubtful);
        }

        if (verdict.Audit.Problem is { } problem)
        {
            sections.Plain($"{problem}: what comes before is below", Doubtful);
        }

        sections.Section("FLUSHES", Flushes(verdict));
        sections.Section("WRONG?", Wrong(verdict));
        if (verdict.Flushes != 0)
        {
            sections.Section("WASTE", Waste(verdict));
        }

        sections.Section("OPTIONS", Options(verdict, sections.Width < FullWidth));
        sections.Section("TRY", verdict.Advice.Select(advice => (Sentence(advice), (Style?)null)).DefaultIfEmpty(("nothing can be said", null)));
        sections.Section("MORE", [("iommukit audit · replay · report, with the same file", null)]);
    }

    private static string Title(VerdictResult verdict)
    {
        string iommu = IommuOf(verdict);
        string span = verdict.Span is { } nanoseconds ? Durations.Of(nanoseconds) : "no times";
        string processors = verdict.Processors == 0 ? string.Empty : $"{(verdict.Span is null ? ", " : " on ")}{Numbers.Count(verdict.Processors, "CPU")}";
        string?[] parts =
        [
            Names.OfFile(verdict.Audit.File),
            iommu,
            span + processors,
            verdict.Kernel is { } kernel ? $"Linux {kernel}" : null,
            verdict.Machine,
        ];
        return string.Join(" · ", parts.Where(part => part is not null));
    }

    /// <summary>The kind of IOMMU, its mode, domains and devices, as recorded.</summary>
    public static string IommuOf(VerdictResult verdict)
    {
        var audit = verdict.Audit;
        string mode = audit.Mode switch
        {
            InvalidationMode.Strict => "strict",
            InvalidationMode.Deferred => "lazy",
            InvalidationMode.Mixed => "partly lazy",
            _ => "mode not in the trace",
        };
        string caching = audit.CachingMode switch
        {
            CachingMode.On => "caching mode on",
            CachingMode.Off => "caching mode off",
            _ => string.Empty,
        };
        string domains = audit.Domains.Count switch
        {
            0 => string.Empty,
            1 => $"domain {audit.Domains[0]}",
            <= 4 => $"domains {string.Join(", ", audit.Domains)}",
            _ => $"{audit.Domains.Count} domains",
        };
        string devices = verdict.Devices.Count switch
        {
            0 => string.Empty,
            <= MostDevices => $"{(verdict.Devices.Count == 1 ? "device" : "devices")} {string.Join(", ", verdict.Devices)}",
            _ => $"{Numbers.Count(verdict.Devices.Count)} devices",
        };
        string unit = string.Join(", ", new[] { verdict.Iommu ?? "IOMMU of unknown kind", mode, caching, domains }.Where(part => part.Length != 0));
        return devices.Length == 0 ? unit : $"{unit} · {devices}";
    }

    private static string Contents(VerdictResult verdict)
    {
        var audit = verdict.Audit;
        string flushes = verdict.Flushes == 0 ? "no flushes recorded" : Numbers.Count(verdict.Flushes, "flush", "flushes");
        string left = verdict.LeftOut.Count == 0 ? "nothing lost" : $"left out: {string.Join(", ", verdict.LeftOut)}";
        return $"{Numbers.Count(audit.Maps, "map")}, {Numbers.Count(audit.Unmaps, "unmap")}, {flushes}; {left}; "
            + (verdict.Coverage < 1 ? Share(verdict.Coverage) : "all")
            + (verdict.Flushes == 0 ? " read" : " covered below");
    }

    private static IEnumerable<(string Text, Style? Style)> Flushes(VerdictResult verdict)
    {
        if (verdict.Flushes == 0)
        {
            yield return ("not in the trace: neither how many there were nor what they cost", Doubtful);
            yield break;
        }

        var audit = verdict.Audit;
        var coverage = audit.Coverage;
        long whole = verdict.Flushes - verdict.PageFlushes;
        string kinds = whole == 0 ? " of pages"
            : verdict.PageFlushes == 0 ? " of whole domains"
            : $": {Numbers.Count(verdict.PageFlushes)} of pages, {Numbers.Count(whole)} of whole domains";
        string maps = coverage is { MapTime: not 0 } ? $"; {Numbers.Count(coverage.MapTime)} of them follow maps" : string.Empty;
        yield return ($"{Numbers.Count(verdict.Flushes)}{kinds}{maps}; {PerUnmap(verdict)}", null);
        if (verdict.Gaps is not { } times)
        {
            yield return (verdict.Span is null
                ? "their time is not in the trace: its events have no times"
                : "their time is not in the trace: its events do not say their task and processor", Doubtful);
            yield break;
        }

        string share = verdict.ShareOfTime is { } part
            ? $" of the CPUs' {Durations.Of((double)verdict.Span!.Value * verdict.Processors)} ({Share(part)})"
            : string.Empty;
        string cutOff = Durations.Of(FlushTimes.CutOff);
        string open = times.Open == 0 ? string.Empty : $", {Numbers.Count(times.Open)} have none";
        if (times.IsVague)
        {
            string vague = $"of {Numbers.Count(times.Count)} gaps to the next event {Numbers.Count(times.TooLong)} are longer than {cutOff}";
            yield return ($"their time cannot be told: {vague}{open}", Doubtful);
            yield break;
        }

        yield return ($"at most {Durations.Of(times.Sum)}{share}, if none took longer than {cutOff}; median {Gap(times, 0.5)}", null);
        string cut = times.TooLong == 0 ? string.Empty : $"; {Numbers.Count(times.TooLong)} are longer";
        yield return ($"(recorded: to the next event of the task on its CPU{cut}{open})", null);
        if (Origin(verdict) is { } origin)
        {
            yield return ($"({origin})", verdict.IsVirtual ? Doubtful : null);
        }
    }

    /// <summary>Whether the times are those of hardware, where that is not plain; null where the trace names the machine.</summary>
    public static string? Origin(VerdictResult verdict) =>
        verdict.IsVirtual ? "of a virtual machine: its times do not carry over to hardware"
        : verdict.Machine is null ? "whether of hardware or of a virtual machine is not in the trace"
        : null;

    private static string PerUnmap(VerdictResult verdict)
    {
        double ratio = verdict.Flushes / (double)Math.Max(1, verdict.Audit.Unmaps);
        return verdict.Audit.Unmaps == 0 ? "no unmaps"
            : Math.Abs(ratio - 1) < 0.005 ? "one for every unmap"
            : ratio < 0.5 ? string.Create(CultureInfo.InvariantCulture, $"one for {1 / ratio:0.#} unmaps")
            : string.Create(CultureInfo.InvariantCulture, $"{ratio:0.##} for every unmap");
    }

    /// <summary>The time that a share of the flushes did not exceed.</summary>
    public static string Gap(FlushTimes times, double share) =>
        times.Gaps.Percentile(share) is var gap && gap >= FlushTimes.CutOff ? $"above {Durations.Of(FlushTimes.CutOff)}" : Durations.Of(gap);

    private static IEnumerable<(string Text, Style? Style)> Wrong(VerdictResult verdict)
    {
        bool isAnything = false;
        foreach (var finding in verdict.Audit.Findings)
        {
            string? what = finding.Id switch
            {
                "reused-before-invalidation" =>
                    $"{Numbers.Count(finding.Count)} IOVAs mapped again before their flush: devices may reach the memory from before",
                "never-invalidated" => $"{Numbers.Count(finding.Count)} unmaps never flushed: {Numbers.Count(finding.Cost, "page")} stay reachable",
                _ => null,
            };
            if (what is not null)
            {
                isAnything = true;
                yield return finding.Limit is null
                    ? ($"{what} (line {finding.FirstLine})", Bad)
                    : ($"{what} (line {finding.FirstLine}); but several domains, or lost events, may explain it", Doubtful);
            }
        }

        if (verdict.Refused.Reserved != 0)
        {
            isAnything = true;
            string reserved = $"{Numbers.Count(verdict.Refused.Reserved)} commands of a reserved kind, which stop the queue";
            yield return ($"{reserved} (line {verdict.Refused.FirstReservedLine})", Bad);
        }

        if (verdict.Refused.MaskTooLarge != 0)
        {
            isAnything = true;
            string large = $"{Numbers.Count(verdict.Refused.MaskTooLarge)} page flushes with a mask above 18, which hardware may refuse";
            yield return ($"{large} (line {verdict.Refused.FirstMaskLine})", Doubtful);
        }

        var faults = verdict.Audit.Faults;
        isAnything |= faults.Faults.Count != 0;
        foreach (var line in Faults(faults))
        {
            yield return line;
        }

        string where = faults.LogFile is null ? "the trace" : "the trace or the log";
        if (verdict.Flushes == 0)
        {
            yield return ($"{(isAnything ? string.Empty : $"no fault is in {where}; ")}whether a flush is missing cannot be told", null);
        }
        else if (!isAnything)
        {
            yield return ($"nothing missing, nothing late, no faults in {where}", Good);
        }

        if (verdict.Audit.Coverage is { AtContextChange: not 0 and var few })
        {
            yield return ($"not judged: {Numbers.Count(few, "unmap")} flushed only when a device came or went", null);
        }
    }

    private static IEnumerable<(string Text, Style? Style)> Faults(FaultReport faults)
    {
        bool hasSummary = FoldedFaults.Of(faults.Faults, byDevice: false).Count > 1;
        if (hasSummary)
        {
            string suppressed = faults.SuppressedCalls == 0 ? string.Empty : ", and more that the kernel's rate limit left out";
            string causes = string.Join(", ", faults.ByCause.Select(cause => FaultText.Counted(cause.Key, cause.Value)));
            string messages = faults.Messages == faults.Faults.Count ? string.Empty : $" in {Numbers.Count(faults.Messages)} messages";
            yield return ($"{Numbers.Count(faults.Faults.Count)} faults{messages}{suppressed}: {causes}", Bad);
        }

        foreach (var fold in FoldedFaults.WorstOf(faults, WorstFaults))
        {
            // Where a line above says it all in red, these are its details.
            yield return (fold.Short(), hasSummary ? null : Bad);
        }

        if (faults.Faults.Count > WorstFaults)
        {
            yield return ("… 'iommukit audit' lists them all", null);
        }
    }

    private static IEnumerable<(string Text, Style? Style)> Waste(VerdictResult verdict)
    {
        var found = new List<(long Count, string Text)>();
        foreach (var finding in verdict.Audit.Findings)
        {
            (long Count, string Text)? waste = finding.Id switch
            {
                "not-batched" => (
                    finding.Cost,
                    $"could be merged: {Numbers.Count(finding.Cost)} in {Numbers.Count(finding.Count, "burst")} of up to "
                        + Numbers.Count(finding.Details.GetValueOrDefault("longest_burst"))),
                "whole-domain-invalidated" when verdict.Audit.Mode != InvalidationMode.Deferred => (finding.Count, "dropped a whole domain for a few pages"),
                "range-rounded-up" => (finding.Count, "dropped more pages than were unmapped"),
                "walk-caches-dropped" => (
                    finding.Count,
                    $"dropped the walk caches, {Share(finding.Details.GetValueOrDefault("tables_in_use") / (double)verdict.Flushes)} with a table in use"),
                "map-time-invalidation" or "map-time-invalidation-first-stage" => (finding.Count, "came after maps, and need not"),
                "nothing-to-invalidate" => (finding.Count, "dropped nothing"),
                _ => null,
            };
            if (waste is { } one)
            {
                found.Add((one.Count, $"{Share(one.Count / (double)verdict.Flushes),6} {one.Text} (line {finding.FirstLine})"));
            }
        }

        return found.Count == 0
            ? [("none found", Good)]
            : found.OrderByDescending(waste => waste.Count).Select(waste => (waste.Text, (Style?)null));
    }

    private static IEnumerable<(string Text, Style? Style)> Options(VerdictResult verdict, bool isNarrow)
    {
        if (isNarrow)
        {
            foreach (var option in FlushOptionText.Different(verdict.Options))
            {
                yield return (
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

        yield return ($" {"",-20}{"",9}{"",11}{"still reachable, p99/max",29}", null);
        yield return ($" {"",-20}{"flushes",9}{"time saved",11}{"pages",14}{"for",15}", null);
        foreach (var option in FlushOptionText.Different(verdict.Options))
        {
            string flushes = Numbers.Count(option.Flushes!.Value);
            yield return ($" {FlushOptionText.NameOf(option.Kind),-20}{flushes,9}{FlushOptionText.Saved(option),11}{Pages(option),14}{Time(option),15}", null);
        }

        foreach (var line in UntilWhen(verdict))
        {
            yield return line;
        }
    }

    private static IEnumerable<(string Text, Style? Style)> UntilWhen(VerdictResult verdict) =>
        FlushOptionText.UntilWhen(verdict.Options) is { } text ? [($"({text})", null)] : [];

    private static string Pages(FlushOption option) => option.Pages is not { Count: not 0 } pages ? "none"
        : $"{Numbers.Count(pages.Percentile(0.99))}/{Numbers.Count(pages.Max)}";

    private static string Time(FlushOption option) => option.Nanoseconds is not { Count: not 0 } times ? "not known"
        : $"{Durations.Short(times.Percentile(0.99))}/{Durations.Short(times.Max)}";

    private static string Sentence(Advice advice) => advice.Condition is null ? advice.Change : $"{advice.Change} – safe if {advice.Condition}";

    /// <summary>A share, with as many digits as say something.</summary>
    public static string Share(double share) => share switch
    {
        > 0.995 and < 1 => "99 %",
        > 0 and < 0.005 => string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.##} %"),
        _ => Numbers.Percent(share),
    };
}
