using System.Globalization;
using IommuKit.Traces.Faults;

namespace IommuKit.Cli.Output;

/// <summary>Sentences about faults.</summary>
internal static class FaultText
{
    private const double NanosecondsInSecond = 1e9;
    private const string NotInTrace = "not mapped in the trace";

    /// <summary>A cause in a user's words.</summary>
    public static string Of(FaultCause cause) => cause switch
    {
        FaultCause.UsedAfterUnmap => "used after unmap",
        FaultCause.PastTheEnd => "past the end of a mapping",
        FaultCause.NoPermission => "mapped at the time: direction or permission is wrong",
        FaultCause.NeverMapped => "never mapped",
        FaultCause.DeviceRefused => "the device is not let through",
        _ => "cause cannot be told",
    };

    /// <summary>The cause of a fault, no surer than it is.</summary>
    public static string Of(ExplainedFault fault) => fault.Cause switch
    {
        // What another domain mapped there is told below.
        FaultCause.NeverMapped when fault is { LastMap: not null } or { LastUnmap: not null } =>
            $"{(fault.IsInDoubt ? NotInTrace : Of(fault.Cause))} for this device",
        _ when !fault.IsInDoubt => Of(fault.Cause),
        FaultCause.NeverMapped => NotInTrace,
        FaultCause.NoPermission => "mapped at the time, perhaps for it: then direction or permission is wrong",
        FaultCause.Unknown or FaultCause.DeviceRefused => Of(fault.Cause),
        _ => $"perhaps {Of(fault.Cause)}",
    };

    /// <summary>How many faults have each cause, as a list.</summary>
    public static IEnumerable<string> Causes(FaultReport report) =>
        from cause in report.ByCause
        let doubtful = report.Faults.Count(fault => fault.Cause == cause.Key && fault.IsInDoubt)
        let isNever = cause.Key == FaultCause.NeverMapped
        select doubtful == 0 || cause.Key is FaultCause.Unknown or FaultCause.DeviceRefused ? Counted(cause.Key, cause.Value)
            : doubtful != cause.Value ? $"{Counted(cause.Key, cause.Value)} ({Numbers.Count(doubtful)} in doubt)"
            : isNever ? $"{Numbers.Count(cause.Value)} {NotInTrace}"
            : $"{Numbers.Count(cause.Value)} perhaps {Counted(cause.Key, cause.Value)[(Numbers.Count(cause.Value).Length + 1)..]}";

    private static string Counted(FaultCause cause, int count) => cause switch
    {
        FaultCause.PastTheEnd => $"{Numbers.Count(count)} past the end",
        FaultCause.NoPermission => $"{Numbers.Count(count)} with the wrong direction or permission",
        FaultCause.DeviceRefused => $"{Numbers.Count(count)} of devices that are not let through",
        FaultCause.Unknown => $"{Numbers.Count(count)} whose cause cannot be told",
        _ => $"{Numbers.Count(count)} {Of(cause)}",
    };

    /// <summary>Who did what where, and why it failed: "0000:00:04.0 wrote to 0x5a454040: used after unmap".</summary>
    public static string Headline(ExplainedFault fault)
    {
        var logged = fault.Fault;
        string device = logged.Device ?? "a device";
        if (fault.LikelyDevice is { } likely)
        {
            device = $"{device} (probably {likely})";
        }

        if (logged.Pasid is { } pasid)
        {
            device = string.Create(CultureInfo.InvariantCulture, $"{device} (PASID {pasid})");
        }

        string access = logged.Direction switch
        {
            FaultDirection.Read => "read",
            FaultDirection.Write => "wrote",
            _ => "accessed",
        };
        string where = logged.Iova is { } iova ? $"{access} {Names.Hex(iova)}"
            : logged.Direction == FaultDirection.Unknown ? "fault" : $"{access} an unknown IOVA";
        string times = fault.Messages > 1 ? $" ({Numbers.Count(fault.Messages)} messages, to {Names.Hex(fault.LastIova ?? 0)})" : string.Empty;
        return $"{device} {where}{times}{(fault.Cause == FaultCause.Unknown && fault.Doubts.Count == 0 ? string.Empty : $": {Of(fault)}")}";
    }

    /// <summary>Headline, the change of the mapping that matters most, and the line to look at: a line or two.</summary>
    public static string Short(ExplainedFault fault)
    {
        string? most = fault is { LastUnmap: null, LastMap: null, Below: null } ? null : Details(fault).FirstOrDefault();
        return $"{Headline(fault)}{(most is null ? string.Empty : $"; {most}")} ({Line(fault)})";
    }

    /// <summary>The line to look at: the trace's, if it shows there.</summary>
    public static string Line(ExplainedFault fault) => fault.TraceLine is { } trace ? $"trace line {trace.ToString(CultureInfo.InvariantCulture)}"
        : fault.LogLine is { } log ? $"log line {log.ToString(CultureInfo.InvariantCulture)}"
        : Place(fault);

    /// <summary>How many faults the kernel printed nothing of, as part of a sentence; null if it printed all, or the trace shows them.</summary>
    public static string? NotPrinted(FaultReport report) => report.SuppressedCalls == 0 || report.AreSuppressedInTrace ? null
        : report.SilentFaults is { } silent ? $"about {Numbers.Count(silent)} more that the kernel did not print"
        : $"more that the kernel did not print (at least {Numbers.Count(report.SuppressedCalls, "message")})";

    /// <summary>The line of a message that a flush failed.</summary>
    public static string Line(FlushFailure failure) =>
        $"{(failure.IsInTrace ? "trace" : "log")} line {failure.Line.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Flushes that failed, in a sentence; null if there were none.</summary>
    public static string? FailedFlushes(FaultReport report) => report.FirstFlushFailures is [var first, ..]
        ? $"{Numbers.Count(report.FlushFailures, "message")} of the kernel that a flush failed: {first.Message} ({Line(first)})"
        : null;

    /// <summary>Where it shows: "line 430 of the log, line 1012 of the trace, at 6.851953 s".</summary>
    public static string Place(ExplainedFault fault)
    {
        var parts = new List<string>();
        if (fault.LogLine is { } log)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"log line {log}"));
        }

        if (fault.TraceLine is { } trace)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"trace line {trace}"));
        }

        if (fault.TraceNanoseconds >= 0)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{fault.TraceNanoseconds / NanosecondsInSecond:0.000000} s"));
        }
        else if (fault.Fault is { Clock: LogClock.Boot, Nanoseconds: >= 0 and var time })
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{time / NanosecondsInSecond:0.000000} s of the log"));
        }

        return string.Join(", ", parts);
    }

    /// <summary>What the trace and the message say of it, a sentence each.</summary>
    public static IEnumerable<string> Details(ExplainedFault fault)
    {
        string? unmapped = fault.LastUnmap is { } unmap
            ? $"unmapped {Before(fault.SinceUnmap)}{By(unmap)}, {Range(unmap)} (line {Line(unmap)})"
            : null;
        string? mapped = fault.LastMap is { } map ? $"mapped {Before(fault.SinceMap)}{By(map)}, {Range(map)} (line {Line(map)})" : null;
        bool isMapLast = fault.LastMap?.Line > fault.LastUnmap?.Line;
        foreach (string? change in (string?[])[isMapLast ? mapped : unmapped, isMapLast ? unmapped : mapped])
        {
            if (change is not null)
            {
                yield return change;
            }
        }

        if (fault is { LastMap: null, LastUnmap: null, Below: { } below })
        {
            yield return $"just before it: {Range(below)}, mapped{By(below)} (line {Line(below)})";
        }

        if (fault is { LastMap: null, LastUnmap: null, Above: { } above })
        {
            yield return $"just behind it: {Range(above)}, mapped{By(above)} (line {Line(above)})";
        }

        if (fault.Fault.Reason.Length != 0 && fault.Fault.Reporter != FaultReporter.TraceEvent)
        {
            yield return $"hardware: {fault.Fault.Reason}";
        }

        // What the hardware says may be the doubt itself.
        foreach (string doubt in fault.Doubts.Where(doubt => doubt != fault.Fault.Reason))
        {
            yield return $"but: {doubt}";
        }
    }

    private static string Before(long? nanoseconds) => nanoseconds is { } time ? $"{Durations.Of(time)} before" : "before";

    private static string By(MappingRecord record) =>
        record.IsInInterrupt ? " in an interrupt" : record.Task is { Length: > 0 } task ? $" by {task}" : string.Empty;

    private static string Range(MappingRecord record) => $"{Size(record.Bytes)} at {Names.Hex(record.Iova)}";

    private static string Size(ulong bytes) => bytes switch
    {
        0 => "everything",
        _ when bytes % (1 << 30) == 0 => string.Create(CultureInfo.InvariantCulture, $"{bytes >> 30} GiB"),
        _ when bytes % (1 << 20) == 0 => string.Create(CultureInfo.InvariantCulture, $"{bytes >> 20} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes >> 10} KiB"),
    };

    private static string Line(MappingRecord record) => record.Line.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Faults that are told as one: those of which nothing is known but that they were.</summary>
/// <param name="First">The first of them.</param>
/// <param name="All">All of them, in their order.</param>
internal sealed record FoldedFaults(ExplainedFault First, IReadOnlyList<ExplainedFault> All)
{
    private const int MostDevices = 3;

    /// <summary>Folds what has no IOVA and no cause, for the same reason; of the same device only, or of all.</summary>
    /// <param name="faults">The faults.</param>
    /// <param name="byDevice">Whether those of different devices are told apart.</param>
    /// <returns>Each where its first fault was.</returns>
    public static IReadOnlyList<FoldedFaults> Of(IReadOnlyList<ExplainedFault> faults, bool byDevice) =>
    [
        .. faults.Select((fault, index) => (Fault: fault, Index: index))
            .GroupBy(one => one.Fault is { Fault.Iova: null, Cause: FaultCause.Unknown } fault
                ? (-1, byDevice ? fault.Fault.Device : null, fault.Fault.IsHeaderOnly, string.Join(';', fault.Doubts))
                : (one.Index, null, false, string.Empty))
            .Select(group => new FoldedFaults(group.First().Fault, [.. group.Select(one => one.Fault)])),
    ];

    /// <summary>The worst faults of a report; those that tell nothing are one, however many there are.</summary>
    public static IReadOnlyList<FoldedFaults> WorstOf(FaultReport report, int count)
    {
        var folded = Of(report.Faults, byDevice: false);
        return [.. report.Worst(count).Select(fault => folded.First(fold => fold.All.Contains(fault))).Distinct()];
    }

    /// <summary>All that a line or two can say.</summary>
    public string Short() => All.Count == 1 ? FaultText.Short(First) : $"{Headline()} ({FaultText.Line(First)})";

    /// <summary>Who faulted, how often, and why nothing more can be told.</summary>
    /// <param name="hasReason">Whether to say why, where several faults are told as one.</param>
    public string Headline(bool hasReason = true)
    {
        if (All.Count == 1)
        {
            return FaultText.Headline(First);
        }

        string?[] names = [.. All.Select(fault => fault.Fault.Device).Distinct(StringComparer.Ordinal)];
        string devices = names is [null] ? "devices that are not named"
            : string.Join(", ", names.Take(MostDevices).Select(name => name ?? "others"))
                + (names.Length > MostDevices ? $" and {Numbers.Count(names.Length - MostDevices)} more" : string.Empty);
        string why = hasReason && First.Doubts is [var doubt, ..] ? $": {doubt}" : string.Empty;
        return $"{Numbers.Count(All.Sum(fault => fault.Messages))} faults of {devices}, {FaultText.Of(FaultCause.Unknown)}{why}";
    }

    /// <summary>Where they show: the first, and how far they go.</summary>
    public string Place() => All.Count == 1 ? FaultText.Place(First) : $"{FaultText.Place(First)}; last: {FaultText.Place(All[^1])}";
}
