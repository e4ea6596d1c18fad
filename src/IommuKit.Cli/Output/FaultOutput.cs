using System.Globalization;
using IommuKit.Traces.Faults;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit audit</c> says of faults.</summary>
internal static class FaultOutput
{
    /// <summary>A map or unmap of a fault's page.</summary>
    public static FieldList<MappingRecord> MappingFields { get; } = new("fault-mapping")
    {
        { "line", "its line in the trace", mapping => mapping.Line },
        {
            "time_us",
            "when, by the trace's clock; null if it measures no time",
            mapping => mapping.Nanoseconds < 0 ? null : mapping.Nanoseconds / NanosecondsInMicrosecond
        },
        { "iova", "its first IOVA", mapping => Names.Hex(mapping.Iova) },
        { "bytes", "its size; 0 for everything", mapping => mapping.Bytes },
        { "task", "who did it", mapping => mapping.Task, Maybe.Null },
        { "in_interrupt", "whether it was in an interrupt: then it is nothing of the task's", mapping => mapping.IsInInterrupt },
    };

    /// <summary>A fault.</summary>
    public static FieldList<ExplainedFault> Fields { get; } = new("fault")
    {
        {
            "cause",
            "`used-after-unmap`, `past-the-end`, `no-permission` (mapped at the time: direction or permission is wrong), `never-mapped`, "
                + "`device-refused` or `unknown`",
            fault => Names.Of(fault.Cause)
        },
        {
            "reporter",
            $"{string.Join(", ", Enum.GetValues<FaultReporter>().Select(reporter => $"`{Names.Of(reporter)}`"))}; the last for an event "
                + "`io_page_fault` without a message",
            fault => Names.Of(fault.Fault.Reporter)
        },
        {
            "device",
            "as the message names it: `0000:00:04.0`, `00:04.0` where the segment is not printed, `stream 0x20`, `endpoint 0x20`, a client; null if it "
                + "does not",
            fault => fault.Fault.Device,
            Maybe.Null
        },
        {
            "likely_device",
            "of a stream or endpoint: the PCI function of the same number, if one was attached in the trace",
            fault => fault.LikelyDevice,
            Maybe.Null
        },
        { "pasid", "the address space within the device", fault => (long?)fault.Fault.Pasid },
        { "direction", "`read`, `write` or `unknown`", fault => Names.Of(fault.Fault.Direction) },
        {
            "iova",
            "of the first message, hexadecimal; some have the page only",
            fault => fault.Fault.Iova is { } iova ? Names.Hex(iova) : null,
            Maybe.Null
        },
        { "last_iova", "of the last message", fault => fault.LastIova is { } iova ? Names.Hex(iova) : null, Maybe.Null },
        { "messages", "how many messages or events", fault => fault.Messages },
        { "header_only", "whether only the heading of a message is there", fault => fault.Fault.IsHeaderOnly },
        { "log_line", "where the first of them shows in the log", fault => fault.LogLine },
        { "trace_line", "where the first of them shows in the trace", fault => fault.TraceLine },
        {
            "trace_time_us",
            "when, by the clock of the trace",
            fault => fault.TraceNanoseconds < 0 ? null : fault.TraceNanoseconds / NanosecondsInMicrosecond
        },
        {
            "log_time_us",
            "when, by that of the log, where it counts from the start",
            fault => fault.Fault is { Clock: LogClock.Boot, Nanoseconds: >= 0 and var time } ? time / NanosecondsInMicrosecond : null
        },
        { "reason_code", "the hardware's number for it", fault => (long?)fault.Fault.ReasonCode },
        { "reason", "what it means", fault => fault.Fault.Reason },
        {
            "evidence",
            "whether it proves that there was no entry (`absent`), that there was one (`permission`), that the `device` is not let through, that it was "
                + "no access to memory (`not-memory`), or `none` of these",
            fault => Names.Of(fault.Fault.Evidence)
        },
        {
            "since_map_us",
            "from the last map of the page to the fault's event or message",
            fault => fault.SinceMap / NanosecondsInMicrosecond
        },
        { "since_unmap_us", "the same from the last unmap", fault => fault.SinceUnmap / NanosecondsInMicrosecond },
        {
            "domain_known",
            "whether those are known to be of the device's own domain (VT-d only)",
            fault => fault.IsDomainKnown
        },
        { "last_map", "the last map of the page before the fault", MappingFields, fault => fault.LastMap, Maybe.Null },
        { "last_unmap", "the last unmap of the page before the fault", MappingFields, fault => fault.LastUnmap, Maybe.Null },
        { "below", "what is mapped just before the page", MappingFields, fault => fault.Below, Maybe.Null },
        { "above", "what is mapped just behind it", MappingFields, fault => fault.Above, Maybe.Null },
        {
            "in_doubt",
            "whether `cause` holds for what was recorded only: the trace does not go back to the start of the device, events are missing, or nothing ties "
                + "log and trace",
            fault => fault.IsInDoubt
        },
        { "doubts", "why it may be otherwise, or cannot be told", fault => fault.Doubts },
        { "message", "the first line of the message, as it was printed", fault => fault.Fault.Message },
    };

    /// <summary>A note of the kernel about messages that it left out.</summary>
    public static FieldList<SuppressedMessages> SuppressedFields { get; } = new("fault-suppressed")
    {
        { "line", "its line in the log", note => note.Line },
        { "function", "the function whose messages are missing", note => note.Function },
        { "count", "how many calls", note => note.Count },
    };

    /// <summary>A message that a flush failed.</summary>
    public static FieldList<FlushFailure> FailureFields { get; } = new("flush-failure")
    {
        { "line", "its line", failure => failure.Line },
        { "in_trace", "whether that is one of the trace; else it is the log's", failure => failure.IsInTrace },
        { "message", "what the driver printed", failure => failure.Message },
    };

    /// <summary>All faults together.</summary>
    public static FieldList<FaultReport> ReportFields { get; } = new("faults")
    {
        { "log_file", "the kernel log of `--log`", report => report.LogFile, Maybe.Null },
        { "log_lines", "its lines", report => report.LogLines },
        { "messages", "messages and events of faults, with those of `not_kept`", report => report.Messages },
        { "left_out", "faults of the log that are left out, because it is of another run or of another kind of IOMMU", report => report.LeftOut },
        { "in_both", "faults that show in both log and trace; if 0, the log may be of another run", report => report.InBoth },
        { "log_is_of_other_kernel", "whether the log names another kernel than the trace, so that it is left out", report => report.IsLogOfOtherKernel },
        { "not_kept", "those beyond what is remembered: they are counted only", report => report.NotKept },
        { "suppressed_calls", "what the kernel left out by its own count. A fault can be several calls", report => report.SuppressedCalls },
        {
            "suppressed_in_trace",
            "whether what the kernel left out shows in the trace as events, so that no fault is missing",
            report => report.AreSuppressedInTrace
        },
        {
            "clock_offset_us",
            "the trace's time minus the log's, by the faults that show in both",
            report => report.ClockOffset / NanosecondsInMicrosecond
        },
        {
            "by_cause",
            "how many of `faults` have each `cause`. Causes that do not occur are left out",
            ByCause
        },
        {
            "faults",
            "each fault, or several in a row of the same device, page, direction and cause",
            Fields,
            report => report.Faults
        },
        {
            "flush_failures",
            "messages that a flush was refused or not answered: an error of the command queue, a time-out",
            report => report.FlushFailures
        },
        { "first_flush_failures", "the first thousand of them", FailureFields, report => report.FirstFlushFailures },
        { "suppressed", "the kernel's notes about it", SuppressedFields, report => report.Suppressed },
        { "limits", "what cannot be told, and what was taken for granted instead", report => report.Limits },
        { "problem", "what is wrong with the log, where reading it stopped early", report => report.Problem, Maybe.Null },
    };

    /// <summary>The faults of a kernel log without a trace, which has no <c>file</c>.</summary>
    public static FieldList<FaultReport> LogFields { get; } = new("fault-log")
    {
        { "file", "there is no trace", _ => null, Maybe.Null },
        { "faults", "the faults", ReportFields, report => report },
    };

    private const double NanosecondsInMicrosecond = 1000;
    private const int MostFailures = 10;

    /// <summary>How many faults have each cause.</summary>
    public static IEnumerable<KeyValuePair<string, long>> ByCause(FaultReport report) =>
        report.ByCause.Select(cause => KeyValuePair.Create(Names.Of(cause.Key), (long)cause.Value));

    /// <summary>What is said of every one of several faults.</summary>
    private static string[] Common(IReadOnlyList<FoldedFaults> folds) => folds.Count < 2 ? []
        : [.. folds.Skip(1).Aggregate(FaultText.Details(folds[0].First), (said, fold) => said.Intersect(FaultText.Details(fold.First), StringComparer.Ordinal))];

    /// <summary>Writes the faults of a kernel log without a trace.</summary>
    public static void WriteLog(Results results, FaultReport report) =>
        results.WriteOne(LogFields, report, Fields, report.Faults, (console, isMarkdown) => Write(console, report, isMarkdown));

    /// <summary>Writes them; nothing if there is neither a log nor a fault.</summary>
    public static void Write(IAnsiConsole console, FaultReport report, bool isMarkdown)
    {
        if (report.LogFile is not null)
        {
            console.Note(isMarkdown, $"{report.LogFile}: {Numbers.Count(report.LogLines, "line")} of a kernel log");
            if (report.Problem is not null)
            {
                console.Note(isMarkdown, $"  {report.Problem}");
            }
        }

        foreach (var failure in report.FirstFlushFailures.Take(MostFailures))
        {
            console.Note(isMarkdown, $"Flush that failed: {failure.Message} ({FaultText.Line(failure)})");
        }

        if (report.FlushFailures > MostFailures)
        {
            console.Note(isMarkdown, $"… and {Numbers.Count(report.FlushFailures - MostFailures, "message")} of flushes that failed more");
        }

        if (report.Faults.Count == 0 && report.SuppressedCalls == 0)
        {
            if (report.LogFile is not null)
            {
                console.Note(isMarkdown, "No faults: no message of an IOMMU tells of one.");
            }

            return;
        }

        console.Note(
            isMarkdown,
            $"{Numbers.Count(report.Faults.Count, "fault")} in {Numbers.Count(report.Messages, "message")}: {string.Join("; ", FaultText.Causes(report))}");
        if (report.ClockOffset is { } offset)
        {
            console.Note(
                isMarkdown,
                string.Create(
                    CultureInfo.InvariantCulture, $"  the trace's clock minus the log's: {offset / 1e9:0.000000} s, by the faults in both"));
        }

        foreach (string limit in report.Limits)
        {
            console.Note(isMarkdown, $"  note: {limit}");
        }

        var folds = FoldedFaults.Of(report.Faults, byDevice: true);
        string[] common = Common(folds);
        foreach (string detail in common)
        {
            console.Note(isMarkdown, $"  all of them: {detail}");
        }

        int number = 0;
        foreach (var fold in folds)
        {
            if (!isMarkdown)
            {
                console.WriteLine();
            }

            console.Note(isMarkdown, string.Create(CultureInfo.InvariantCulture, $"{++number}. {fold.Headline(hasReason: false)}"));
            console.Note(isMarkdown, $"   {fold.Place()}");
            foreach (string detail in FaultText.Details(fold.First).Except(common, StringComparer.Ordinal))
            {
                console.Note(isMarkdown, $"   {detail}");
            }
        }
    }
}
