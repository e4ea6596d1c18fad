using IommuKit.Analysis.Verdict;
using IommuKit.Traces;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit TRACE</c> says.</summary>
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
            "whole_gaps_nanoseconds",
            "the sum of all gaps as long as they are: an upper bound whatever flushes took, and of what else their tasks did",
            verdict => verdict.Gaps!.WholeSum
        },
        {
            "share_of_processors",
            "of `span_nanoseconds` times `processors`; null too where more than one gap in five is above the cut-off, so that the sum says nothing",
            verdict => verdict.ShareOfTime
        },
        {
            "busiest_share_of_processors",
            "the same of the busiest second, to a hundredth; null where that is, and for traces of less than some seconds",
            verdict => verdict.BusiestShareOfTime
        },
        { "gaps", "flushes that an event of their task on their processor followed", verdict => verdict.Gaps!.Count },
        { "gaps_above_cut_off", "of them, those after more than the cut-off", verdict => verdict.Gaps!.TooLong },
        { "cut_off_nanoseconds", "100 000", verdict => verdict.Gaps!.MostPerFlush },
        { "flushes_without_next_event", "flushes without such an event: not in the sum", verdict => verdict.Gaps!.Open },
        { "p50_nanoseconds", "median of the gaps; null if it is above the cut-off", verdict => BelowCutOff(verdict.Gaps!, 0.5) },
        { "p99_nanoseconds", "their 99th percentile; null if it is above the cut-off", verdict => BelowCutOff(verdict.Gaps!, 0.99) },
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
        { "reachable_pages_p99", "of 99 of 100 unmapped pages, with how many at most each was reachable when its flush came", option => PercentileOf(option.Pages) },
        { "reachable_pages_max", "the same of all pages", option => option.Pages?.Max },
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
            "by_log",
            "what is said of the machine by the log alone, where nothing ties the log to the trace, so that it may be another's: "
                + string.Join(", ", Enum.GetValues<MachineFact>().Select(fact => $"`{Names.Of(fact)}`")),
            verdict => verdict.ByLog.Select(Names.Of)
        },
        {
            "virtual_machine",
            "whether it was recorded in a virtual machine, by what the kernel printed or VT-d's caching mode; null if neither that nor a machine is named",
            verdict => verdict.IsVirtual ? true : verdict.Machine is null ? (bool?)null : false
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
        { "lost_events", "events that were lost in recording", verdict => verdict.Audit.Lost },
        { "missing_events", "as in `audit`", verdict => verdict.Audit.Missing },
        { "unknown_lines", "as in `audit`", verdict => verdict.Audit.UnknownLines },
        { "out_of_order_events", "as in `audit`", verdict => verdict.Audit.OutOfOrder },
        {
            "coverage",
            "share of the unmaps that could be followed to their flush; without flushes, share of the events that could be read. What is lost, missing or "
                + "damaged is taken to be of the kinds that the rest is",
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
        { "flush_failures", "messages of the kernel that a flush was refused or not answered", verdict => verdict.Audit.Faults.FlushFailures },
        { "fault_messages", "all messages of faults in the trace and the log", verdict => verdict.Audit.Faults.Messages },
        {
            "fault_calls_not_printed",
            "calls that the kernel suppressed, as its log says, and that the trace does not show either: a call for each line of a message, and on VT-d one "
                + "more for each fault",
            verdict => verdict.Audit.Faults.AreSuppressedInTrace ? 0 : verdict.Audit.Faults.SuppressedCalls
        },
        {
            "faults_not_printed",
            "about how many faults that is on VT-d, by how its driver calls; null elsewhere",
            verdict => verdict.Audit.Faults.AreSuppressedInTrace ? null : verdict.Audit.Faults.SilentFaults
        },
        {
            "log_faults_left_out",
            "faults of the log that are none of the trace: if not 0, the log is of another run or another IOMMU",
            verdict => verdict.Audit.Faults.LeftOut
        },
        {
            "log_is_of_other_devices",
            "whether the log's faults are of no device that the trace names, and nothing ties the two together: the log may be of another run",
            verdict => verdict.IsLogOfOtherDevices
        },
        {
            "faults_in_doubt",
            "how many causes hold for what was recorded only: see `in_doubt` of `audit`",
            verdict => verdict.Audit.Faults.Faults.Count(fault => fault.IsInDoubt)
        },
        {
            "faults_in_both",
            "faults that show in both the trace and the log of `--log`: they tie the two together",
            verdict => verdict.Audit.Faults.InBoth
        },
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

    /// <summary>Writes verdicts on one trace or several.</summary>
    public static void Write(Results results, IReadOnlyList<VerdictResult> verdicts)
    {
        if (verdicts is [var verdict])
        {
            results.WriteOne(Fields, verdict, OptionFields, verdict.Options, (console, isMarkdown) => VerdictScreen.Write(console, verdict, isMarkdown, isAlone: true));
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

                VerdictScreen.Write(console, verdicts[index], isMarkdown, isAlone: false);
            }
        });
    }

    private static long? BelowCutOff(FlushTimes times, double share) =>
        times.Gaps.Percentile(share) is var gap && gap < times.MostPerFlush ? gap : null;

    private static long? PercentileOf(LogHistogram? histogram) => histogram is { Count: not 0 } ? histogram.Percentile(0.99) : null;
}
