namespace IommuKit.Traces.Faults;

/// <summary>A fault, or several alike that follow one another, and what a trace says of why.</summary>
public sealed class ExplainedFault
{
    /// <summary>What the first message, or the event, says.</summary>
    public required LoggedFault Fault { get; init; }

    /// <summary>Why it faulted.</summary>
    public required FaultCause Cause { get; init; }

    /// <summary>
    /// Where the message names a stream or an endpoint: the PCI function of that number, if one was attached to a domain in the trace; they are
    /// usually numbered alike. Null otherwise.
    /// </summary>
    public string? LikelyDevice { get; init; }

    /// <summary>The last map of the page before the fault; null if there is none, or that is not known.</summary>
    public MappingRecord? LastMap { get; init; }

    /// <summary>The last unmap of the page before the fault; null if there is none, or that is not known.</summary>
    public MappingRecord? LastUnmap { get; init; }

    /// <summary>The map of the page just before, if that was mapped.</summary>
    public MappingRecord? Below { get; init; }

    /// <summary>The map of the page just behind, if that was mapped.</summary>
    public MappingRecord? Above { get; init; }

    /// <summary>Where the fault shows in the trace: the line of its event or message; null if it is in the log only.</summary>
    public long? TraceLine { get; init; }

    /// <summary>Where the fault shows in the log: the line of its message; null if it is in the trace only.</summary>
    public long? LogLine { get; init; }

    /// <summary>When it happened, in nanoseconds of the trace's clock, by its event or message; negative if that cannot be told.</summary>
    public long TraceNanoseconds { get; init; } = -1;

    /// <summary>Nanoseconds from the last unmap to the fault's event or message; null without either time.</summary>
    public long? SinceUnmap => LastUnmap is { Nanoseconds: >= 0 and var unmap } && TraceNanoseconds >= unmap ? TraceNanoseconds - unmap : null;

    /// <summary>Nanoseconds from the last map to the fault's event or message; null without either time.</summary>
    public long? SinceMap => LastMap is { Nanoseconds: >= 0 and var map } && TraceNanoseconds >= map ? TraceNanoseconds - map : null;

    /// <summary>How many messages or events in a row are of this fault: same device, page, direction and cause.</summary>
    public long Messages { get; internal set; } = 1;

    /// <summary>The last of their IOVAs; null if the fault has none.</summary>
    public ulong? LastIova { get; internal set; }

    /// <summary>
    /// Whether what the trace has is known to be of the device's own domain: events of maps and unmaps do not say theirs, and several domains
    /// can have the same IOVA.
    /// </summary>
    public bool IsDomainKnown { get; init; }

    /// <summary>
    /// Whether the cause holds for what was recorded only: the trace does not go back to the start of the device, or events are missing, or nothing
    /// ties the log that tells of the fault to the trace. <see cref="Doubts"/> says which.
    /// </summary>
    public bool IsInDoubt { get; init; }

    /// <summary>Why it may be otherwise, or cannot be told.</summary>
    public required IReadOnlyList<string> Doubts { get; init; }
}
