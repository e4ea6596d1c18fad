using System.Globalization;
using IommuKit.Analysis.Verdict;
using IommuKit.Traces;
using IommuKit.Traces.Audit;
using IommuKit.Traces.Faults;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit TRACE</c> says: the answer on one screen.</summary>
internal static class VerdictOutput
{
    /// <summary>How long flushes took at most.</summary>
    public static FieldList<VerdictResult> TimeFields { get; } = new("verdict-flush-time")
    {
        {
            "at_most_nanoseconds",
            "the sum of all gaps, each at most `cut_off_nanoseconds`: an upper bound if no flush took longer than that",
            verdict => verdict.Gaps!.Sum
        },
        {
            "share_of_processors",
            "of `span_nanoseconds` times `processors`; null too where more than one gap in five is above the cut-off, so that the sum says nothing",
            verdict => verdict.ShareOfTime
        },
        { "gaps", "flushes that an event of their task on their processor followed", verdict => verdict.Gaps!.Count },
        { "gaps_above_cut_off", "of them, those after more than the cut-off", verdict => verdict.Gaps!.TooLong },
        { "cut_off_nanoseconds", "100 000", verdict => verdict.Gaps!.MostPerFlush },
        { "flushes_without_next_event", "flushes without such an event: not in the sum", verdict => verdict.Gaps!.Open },
        { "p50_nanoseconds", "median of the gaps, each at most the cut-off", verdict => verdict.Gaps!.Gaps.Percentile(0.5) },
        { "p99_nanoseconds", "their 99th percentile", verdict => verdict.Gaps!.Gaps.Percentile(0.99) },
    };

    /// <summary>A way to flush.</summary>
    public static FieldList<FlushOption> OptionFields { get; } = new("verdict-option")
    {
        { "option", "`recorded`, `range`, `burst` or `lazy`", option => Names.Of(option.Kind) },
        {
            "flushes",
            "null if none was recorded; of `lazy` also without times, as its timer cannot be followed",
            option => option.Flushes
        },
        {
            "saved_nanoseconds",
            "of bursts and ranges the gaps of the flushes that would go, else of as many flushes at the mean gap; null without times or where more than "
                + "one gap in five is above the cut-off; negative if it flushes more often",
            option => option.SavedNanoseconds
        },
        { "reachable_pages_p99", "pages that were unmapped and still reachable, at each flush", option => PercentileOf(option.Pages) },
        { "reachable_pages_max", "the most of them", option => option.Pages?.Max },
        {
            "reachable_nanoseconds_p99",
            "from an unmap to the flush that ends the reach of its pages",
            option => PercentileOf(option.Nanoseconds)
        },
        { "reachable_nanoseconds_max", "the most of them", option => option.Nanoseconds is { Count: not 0 } times ? times.Max : (long?)null },
    };

    /// <summary>A way to flush in the CSV of several traces.</summary>
    public static FieldList<(string File, FlushOption Option)> FileOptionFields { get; } = new("verdict-file-option")
    {
        { "file", ReplayOutput.FileMeaning, row => row.File },
        { OptionFields, row => row.Option },
    };

    /// <summary>Something worth trying.</summary>
    public static FieldList<Advice> AdviceFields { get; } = new("verdict-advice")
    {
        { "id", "its name", advice => advice.Id },
        { "change", "what to do", advice => advice.Change },
        { "condition", "when it is safe", advice => advice.Condition, Maybe.Null },
    };

    /// <summary>A verdict.</summary>
    public static FieldList<VerdictResult> Fields { get; } = new("verdict")
    {
        { "file", ReplayOutput.FileMeaning, verdict => verdict.Audit.File },
        {
            "iommu",
            "the kind of IOMMU: by its commands in the trace, or by what its driver printed there",
            verdict => verdict.Iommu,
            Maybe.Null
        },
        {
            "kernel",
            "as the trace says, by `trace.dat` or what the kernel printed in it, or the log of `--log`",
            verdict => verdict.Kernel,
            Maybe.Null
        },
        { "machine", "the same of the machine", verdict => verdict.Machine, Maybe.Null },
        {
            "virtual_machine",
            "whether something says that it was recorded in a virtual machine: what the kernel printed, or VT-d's caching mode; false if nothing does",
            verdict => verdict.IsVirtual
        },
        {
            "devices",
            "PCI devices that were attached to a domain in the trace; if none was, those that `record` found in domains that translate",
            verdict => verdict.Devices
        },
        { "mode", AuditOutput.ModeMeaning, verdict => Names.Of(verdict.Audit.Mode) },
        {
            "recorded_mode",
            "what the kernel's own domains did as `record` started: `strict`, `lazy`, `identity` or `mixed`",
            verdict => verdict.RecordedMode,
            Maybe.Null
        },
        { "caching_mode", "`on`, `off` or `unknown`, inferred", verdict => Names.Of(verdict.Audit.CachingMode) },
        { "domains", "domain ids in invalidations", verdict => verdict.Audit.Domains },
        { "span_nanoseconds", "from the first event to the last", verdict => verdict.Span },
        {
            "processors",
            "of the machine if the trace says, else those with events; 0 if neither is known",
            verdict => verdict.Processors
        },
        { "map_events", "maps in the file", verdict => verdict.Audit.Maps },
        { "unmap_events", "unmaps in the file", verdict => verdict.Audit.Unmaps },
        { "lost_events", "events known to be missing", verdict => verdict.Audit.Lost },
        {
            "coverage",
            "share of the unmaps that could be followed to their flush, with what is missing counted as not; without flushes, share of the events that "
                + "could be read",
            verdict => verdict.Coverage
        },
        { "left_out", "what is missing in `coverage`, and why", verdict => verdict.LeftOut },
        {
            "flushes",
            "flushes of the IOTLB: commands of the queue, or where only those were recorded flushes of cache tags",
            verdict => verdict.Flushes
        },
        { "page_flushes", "of them, those of pages", verdict => verdict.PageFlushes },
        { "invalidations", "as in `audit`", verdict => verdict.Audit.Invalidations },
        {
            "flush_time",
            "how long flushes took at most; null where there are no flushes, no times, or no tasks and processors",
            TimeFields,
            verdict => verdict.Gaps is null ? null : verdict,
            Maybe.Null
        },
        { "reserved_commands", "commands of reserved kinds", verdict => verdict.Refused.Reserved },
        {
            "commands_with_large_mask",
            "commands of more than 2^18 pages, which hardware may refuse",
            verdict => verdict.Refused.MaskTooLarge
        },
        { "fault_messages", "all messages of faults in the trace and the log", verdict => verdict.Audit.Faults.Messages },
        { "faults_by_cause", "faults by cause", verdict => FaultOutput.ByCause(verdict.Audit.Faults) },
        {
            "worst_faults",
            "the worst three in words, where those of which nothing can be told count as one",
            verdict => FoldedFaults.WorstOf(verdict.Audit.Faults, 3).Select(fold => fold.Short())
        },
        { "findings", "as in `audit`", AuditOutput.FindingFields, verdict => verdict.Audit.Findings },
        { "options", "ways to flush, the recorded one first", OptionFields, verdict => verdict.Options },
        { "advice", "what is worth trying", AdviceFields, verdict => verdict.Advice },
        { "limits", "as in `audit`", verdict => verdict.Audit.Limits },
        { "problem", "as in `audit`", verdict => verdict.Audit.Problem, Maybe.Null },
    };

    private const int WorstFaults = 3;

    // More devices than these are counted rather than named.
    private const int MostDevices = 3;

    // What the table of options takes.
    private const int FullWidth = 80;

    private static readonly Style Bad = new(Color.Red);
    private static readonly Style Doubtful = new(Color.Yellow);
    private static readonly Style Good = new(Color.Green);

    /// <summary>Writes verdicts on one trace or several.</summary>
    public static void Write(Results results, IReadOnlyList<VerdictResult> verdicts)
    {
        if (verdicts is [var verdict])
        {
            results.WriteOne(Fields, verdict, OptionFields, verdict.Options, (console, isMarkdown) => WriteOne(console, verdict, isMarkdown));
            return;
        }

        (string, FlushOption)[] rows = [.. verdicts.SelectMany(one => one.Options.Select(option => (one.Audit.File, option)))];
        results.WriteEach(Fields, verdicts, FileOptionFields, rows, (console, isMarkdown) =>
        {
            for (int index = 0; index < verdicts.Count; index++)
            {
                if (index != 0)
                {
                    console.WriteLine();
                }

                WriteOne(console, verdicts[index], isMarkdown);
            }
        });
    }

    private static void WriteOne(IAnsiConsole console, VerdictResult verdict, bool isMarkdown)
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
            _ => verdict.RecordedMode ?? "mode not in the trace",
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

    private static long? PercentileOf(LogHistogram? histogram) => histogram is { Count: not 0 } ? histogram.Percentile(0.99) : null;
}
