using System.Globalization;

namespace IommuKit.Traces.Faults;

/// <summary>Makes the report of what was seen.</summary>
internal sealed class FaultReporting
{
    public required KernelLog? Log { get; init; }

    public required KernelLog Messages { get; init; }

    public required FaultMerger.Result Merged { get; init; }

    public required MappingHistory History { get; init; }

    public required TaskNames Tasks { get; init; }

    public required bool HasTrace { get; init; }

    public required bool HasConsole { get; init; }

    public required int Devices { get; init; }

    public required long Lost { get; init; }

    public required long Absent { get; init; }

    public required long NotKept { get; init; }

    public FaultReport Make()
    {
        var faults = new List<ExplainedFault>();
        foreach (var sighting in InOrder())
        {
            sighting.IsAfterLoss |= Absent != 0;
            bool isTied = sighting.Line != 0 || Merged.IsTied;
            var explained = FaultExplainer.Explain(sighting, HasTrace, isTied, Tasks);
            if (faults.Count > 0 && IsRepeat(faults[^1], explained))
            {
                faults[^1].Messages++;
                faults[^1].LastIova = explained.LastIova;
            }
            else
            {
                faults.Add(explained);
            }
        }

        long notKept = NotKept + Messages.MoreFaults + (Log?.MoreFaults ?? 0);

        // The notes in the trace are the same as those in the log, as far as both have them.
        var suppressed = Log is not null && Merged.Foreign == 0 && Log.SuppressedCalls >= Messages.SuppressedCalls ? Log : Messages;
        bool areInLog = Log is not null && Merged.Foreign == 0 && !Merged.IsOtherKernel && Log.FlushFailures >= Messages.FlushFailures;
        var failing = areInLog ? Log! : Messages;
        return new FaultReport
        {
            FlushFailures = failing.FlushFailures,
            FirstFlushFailures = [.. failing.FirstFlushFailures.Select(failure => new FlushFailure(failure.Line, !areInLog, failure.Message))],
            LogFile = Log?.File,
            LogLines = Log?.Lines ?? 0,
            Faults = faults,
            Messages = Merged.Sightings.Count + notKept,
            NotKept = notKept,
            SuppressedCalls = suppressed.SuppressedCalls,
            SilentFaults = SilentFaults(faults, suppressed),
            AreSuppressedInTrace = AreSuppressedInTrace(),
            Suppressed = suppressed.Suppressed,
            ClockOffset = Merged.Offset,
            HasTrace = HasTrace,
            HasConsole = HasConsole,
            LeftOut = Merged.Foreign,
            InBoth = Merged.InBoth,
            IsLogOfOtherKernel = Merged.IsOtherKernel,
            Limits = Limits(faults, suppressed.SuppressedCalls, notKept),
            Problem = Log?.Problem,
        };
    }

    /// <summary>Those of the trace in its order, and between them those of the log only, in its order.</summary>
    private IEnumerable<Sighting> InOrder()
    {
        var inTrace = Merged.Sightings.Where(sighting => sighting.Line != 0).OrderBy(sighting => sighting.Line).ToList();
        var inLog = new Queue<Sighting>(Merged.Sightings.Where(sighting => sighting.Line == 0).OrderBy(sighting => sighting.LogLine));
        foreach (var sighting in inTrace)
        {
            while (inLog.TryPeek(out var first) && first.LogLine < sighting.LogLine)
            {
                yield return inLog.Dequeue();
            }

            yield return sighting;
        }

        while (inLog.TryDequeue(out var rest))
        {
            yield return rest;
        }
    }

    private static bool IsRepeat(ExplainedFault before, ExplainedFault next) =>
        next.Fault.Iova is { } iova && before.Fault.Iova is { } same && (iova & ~SmallPage.Mask) == (same & ~SmallPage.Mask)
        && before.Cause == next.Cause && before.Fault.Direction == next.Fault.Direction && IsSameReporter(before.Fault, next.Fault)
        && before.Fault.Device == next.Fault.Device && before.LastMap?.Line == next.LastMap?.Line && before.LastUnmap?.Line == next.LastUnmap?.Line
        && before.Doubts.SequenceEqual(next.Doubts, StringComparer.Ordinal);

    // Of one transfer, the first messages are printed and the rest show as events only: the kernel prints a few in a while.
    private static bool IsSameReporter(LoggedFault before, LoggedFault next) =>
        before.Reporter == next.Reporter || before.Reporter == FaultReporter.TraceEvent || next.Reporter == FaultReporter.TraceEvent;

    // Where every message has its event, and there are events without one, those are what the kernel left out.
    private bool AreSuppressedInTrace() =>
        Lost == 0 && Absent == 0 && Merged.Sightings.Exists(sighting => sighting.IsEvent)
            && Merged.Sightings.TrueForAll(sighting => sighting.HasEvent || sighting.Fault.Iova is null);

    // Of a fault of VT-d the driver prints heading and record, and then ends the line: three calls that are counted one by one.
    private static long? SilentFaults(List<ExplainedFault> faults, KernelLog log) =>
        log.SuppressedCalls == 0 || log.Suppressed.Any(note => note.Function != "dmar_fault")
            ? null
            : Math.Max(0, log.SuppressedCalls - (2 * faults.Count(fault => fault.Fault.IsHeaderOnly))) / 3;

    private List<string> Limits(List<ExplainedFault> faults, long suppressed, long notKept)
    {
        var limits = new List<string>();
        void Add(bool applies, string text)
        {
            if (applies)
            {
                limits.Add(text);
            }
        }

        int headers = faults.Count(fault => fault.Fault.IsHeaderOnly);
        bool hasAddresses = faults.Any(fault => fault.Fault.Iova is not null);
        Add(
            !HasTrace && hasAddresses,
            "There is no trace of what was mapped: the messages are decoded, and causes are told only where the hardware does.");
        Add(
            suppressed != 0,
            $"The kernel left out messages: {Count(suppressed)} calls, by its own count, of which one fault can be several. "
                + (AreSuppressedInTrace()
                    ? "They show in the trace as events, of which none is left out."
                    : "Those faults are in no list."));
        Add(headers != 0, $"Faults of which only the heading was printed: {Count(headers)}. Their device and IOVA are not known.");
        Add(notKept != 0, $"There are too many faults: {Count(notKept)} are counted, and not explained.");
        if (HasTrace && Log is not null)
        {
            int logOnly = Merged.Sightings.Count(sighting => sighting.Line == 0 && sighting.Fault.Iova is not null);
            Add(
                Merged.IsOtherRun,
                "Faults with the same device and IOVA are at very different times in log and trace: they are not of the same run, and are kept "
                    + "apart.");
            Add(
                Merged.IsOtherKernel,
                $"The log is of another kernel than the trace, {Log.Machine.Kernel}: it is left out, with {Count(Merged.Foreign)} messages of faults.");
            Add(
                Merged.Foreign != 0 && !Merged.IsOtherKernel,
                $"Faults of the log are left out, in messages: {Count(Merged.Foreign)}. None of them is in the trace, which has others, or is of another kind of IOMMU: the "
                    + "log is of another run.");
            Add(
                logOnly != 0 && !Merged.IsTied && !Merged.IsOtherRun,
                "No fault shows in both log and trace: nothing ties them together, and by how much their clocks differ cannot be told. What is said "
                    + "holds if they are of the same run, and their clocks equal to within two seconds; record printk:console too.");
        }

        Add(
            HasTrace && hasAddresses && faults.Exists(fault => !fault.IsDomainKnown),
            $"Maps and unmaps do not say their domain{(Devices > 1 ? $", and {Devices} devices were attached to some" : string.Empty)}: where "
                + "several have the same IOVA, what is told of it may be another's. VT-d's domains are compared where they were recorded.");
        Add(
            HasTrace && hasAddresses,
            "A fault is placed by its event or message, which comes after it: what was mapped or unmapped in between is taken to be before.");
        Add(History.Forgotten != 0, $"Too many ranges to remember: {Count(History.Forgotten)} were forgotten, the ones unmapped longest ago first.");
        Add(Lost != 0 || Absent != 0, "Events are missing in the trace, so that maps and unmaps may be too.");
        return limits;
    }

    private static string Count(long count) => count.ToString("#,0", CultureInfo.InvariantCulture);
}
