namespace IommuKit.Traces.Faults;

/// <summary>Says why a fault happened, of what a trace says of its page.</summary>
internal static class FaultExplainer
{
    /// <summary>Explains a fault.</summary>
    /// <param name="sighting">The fault, and what is known of it.</param>
    /// <param name="hasTrace">Whether there is a trace.</param>
    /// <param name="isTied">Whether it is sure that the fault is of the same run as the trace.</param>
    /// <param name="tasks">The names of tasks.</param>
    public static ExplainedFault Explain(Sighting sighting, bool hasTrace, bool isTied, TaskNames tasks)
    {
        var fault = sighting.Fault;
        var doubts = new List<string>();
        var cause = FaultCause.Unknown;
        PageState? shown = null;
        bool isDomainKnown = false;
        bool isInDoubt = false;
        if (fault.Evidence == FaultEvidence.Device)
        {
            cause = FaultCause.DeviceRefused;
        }
        else if (fault.Iova is null)
        {
            doubts.Add(fault.WhyNoIova ?? "its message has no IOVA");
        }
        else if (!hasTrace || sighting.State is null || (sighting.IsBeforeMappings && !sighting.State.Value.Map.IsKnown))
        {
            // That an entry was found, the hardware says without any trace.
            cause = fault.Evidence == FaultEvidence.Permission ? FaultCause.NoPermission : FaultCause.Unknown;
            if (hasTrace)
            {
                doubts.Add(sighting.State is not null ? "it was before the trace's first map or unmap"
                    : sighting.WhyNoPlace ?? "its place in the trace is not known");
            }
        }
        else
        {
            shown = sighting.State;
            cause = Judge(sighting, sighting.State.Value, doubts, out isDomainKnown);
            int sure = doubts.Count;
            AddGaps(sighting, cause, isTied, isDomainKnown, doubts);
            isInDoubt = doubts.Count != sure;
        }

        return new ExplainedFault
        {
            Fault = fault,
            Cause = cause,
            LastMap = RecordOf(shown?.Map, tasks),
            LastUnmap = RecordOf(shown?.Unmap, tasks),
            Below = RecordOf(shown?.Below, tasks),
            Above = RecordOf(shown?.Above, tasks),
            TraceLine = sighting.Line == 0 ? null : sighting.Line,
            LogLine = sighting.LogLine == 0 ? null : sighting.LogLine,
            TraceNanoseconds = sighting.Nanoseconds,
            LastIova = fault.Iova,
            LikelyDevice = sighting.Fault.HasSegment ? null : sighting.LikelyDevice,
            IsDomainKnown = isDomainKnown,
            IsInDoubt = isInDoubt,
            Doubts = doubts,
        };
    }

    private static FaultCause Judge(Sighting sighting, in PageState state, List<string> doubts, out bool isDomainKnown)
    {
        int domain = sighting.DeviceDomain;
        bool isLive = state is { IsLive: true, IsHalfLive: false };
        int other = isLive ? sighting.MapDomain : state.UnmapDomain;
        isDomainKnown = domain >= 0 && domain == other;
        string? whose = domain >= 0 && other >= 0 && domain != other
            ? $"VT-d invalidated it for domain {other}, and the device is in domain {domain}"
            : domain < 0 || other < 0 ? OthersText(sighting.Others) : null;
        if (state.Depth > 1 || (state.IsHalfLive && !isDomainKnown))
        {
            doubts.Add("the page was mapped more often than unmapped: several domains have the same IOVA, or an unmap is missing");
        }

        // Where one of two domains has given the page back, that one tells of the fault: the other has nothing to fault for. Only VT-d's own
        // words count for more.
        if (isLive || (state.IsHalfLive && (whose is not null || sighting.Fault.Evidence == FaultEvidence.Permission)))
        {
            return JudgeLive(sighting.Fault, state, state.IsHalfLive ? null : whose, doubts);
        }

        if (state.Unmap.IsKnown)
        {
            if (sighting.Fault.Evidence == FaultEvidence.Permission)
            {
                doubts.Add(
                    "the hardware found an entry, but in the trace the page was unmapped: what it found was mapped before the trace, or in "
                        + "another domain");
                return FaultCause.NoPermission;
            }

            if (whose is null)
            {
                return FaultCause.UsedAfterUnmap;
            }

            doubts.Add($"what was unmapped there is another domain's: {whose}; for this device it is taken as never mapped");
            return FaultCause.NeverMapped;
        }

        if (sighting.Fault.Evidence == FaultEvidence.Permission)
        {
            doubts.Add("the hardware found an entry, but the trace has no map of the page: it was mapped before the trace");
            return FaultCause.NoPermission;
        }

        if (state.Below.IsKnown && sighting.OthersBelow is null)
        {
            return FaultCause.PastTheEnd;
        }

        if (OthersText(sighting.OthersBelow) is { } below)
        {
            doubts.Add($"the page before it is mapped, but for another domain: {below}");
        }

        return FaultCause.NeverMapped;
    }

    /// <summary>What the trace does not have, and might be the reason.</summary>
    private static void AddGaps(Sighting sighting, FaultCause cause, bool isTied, bool isDomainKnown, List<string> doubts)
    {
        if (!isTied)
        {
            doubts.Add("no fault is in both the log and the trace: this holds if they are of the same run");
        }

        if (cause == FaultCause.NeverMapped && sighting.IsAfterLoss)
        {
            doubts.Add("events are missing: it may have been mapped there");
        }

        if (!sighting.HasWholeHistory && !isDomainKnown && IsByMappings(sighting, cause))
        {
            doubts.Add("the trace does not show its device coming into a domain: "
                + (cause == FaultCause.NeverMapped ? "it may have been mapped, and unmapped, before the trace begins" : "what was mapped there may be another device's"));
        }
    }

    // What the hardware says of an entry that it found needs no trace.
    private static bool IsByMappings(Sighting sighting, FaultCause cause) =>
        cause is FaultCause.UsedAfterUnmap or FaultCause.PastTheEnd or FaultCause.NeverMapped
            || (cause == FaultCause.NoPermission && sighting.Fault.Evidence != FaultEvidence.Permission);

    private static FaultCause JudgeLive(LoggedFault fault, in PageState state, string? whose, List<string> doubts)
    {
        if (fault.Evidence == FaultEvidence.Permission)
        {
            if (whose is not null)
            {
                doubts.Add($"the map may be another domain's: {whose}");
            }

            return FaultCause.NoPermission;
        }

        bool isAbsent = fault.Evidence == FaultEvidence.Absent;
        if (!isAbsent && whose is null)
        {
            return FaultCause.NoPermission;
        }

        string text = isAbsent ? "the page was mapped at the time, but the hardware found no entry: the map is another domain's"
            : "the page was mapped at the time, but for another domain";
        doubts.Add(whose is null ? text : $"{text}: {whose}");
        if (!state.Unmap.IsKnown)
        {
            return FaultCause.NeverMapped;
        }

        doubts.Add("whether the unmap before that was of this device cannot be told");
        return isAbsent && whose is null ? FaultCause.Unknown : FaultCause.NeverMapped;
    }

    private static string? OthersText(string? others) =>
        others is null ? null : $"the task that mapped it has moved {others} into a domain of its own, and not this device";

    private static MappingRecord? RecordOf(MappingMoment? moment, TaskNames tasks) => moment is { IsKnown: true } known
        ? new MappingRecord(known.Line, known.Nanoseconds, known.First, known.Last - known.First + 1, tasks.NameOf(known.Task), known.IsInInterrupt)
        : null;
}
