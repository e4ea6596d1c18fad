using IommuKit.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>What lanes need of an event: they are handed from one thread to others, and the less of it, the faster.</summary>
/// <param name="Kind">What the event says.</param>
/// <param name="Domain">The number of its domain, or <see cref="TraceDomains.Several"/>.</param>
/// <param name="Line">The number of its line.</param>
/// <param name="Nanoseconds">Its time; negative if it has none.</param>
/// <param name="Iova">First IOVA of a map or unmap.</param>
/// <param name="PhysicalAddress">What a map maps to.</param>
/// <param name="Size">Bytes mapped or unmapped.</param>
/// <param name="LivePages">Pages of 4 KiB that are mapped after it, by what the trace says.</param>
internal readonly record struct ReplayEvent(
    TraceEventKind Kind, int Domain, long Line, long Nanoseconds, ulong Iova, ulong PhysicalAddress, ulong Size, ulong LivePages)
{
    /// <summary>Takes from an event of a trace what lanes need.</summary>
    public ReplayEvent(in TraceEvent traceEvent, int domain, ulong livePages)
        : this(
            traceEvent.Kind,
            domain,
            traceEvent.Line,
            traceEvent.Nanoseconds,
            traceEvent.Iova,
            traceEvent.PhysicalAddress,
            traceEvent.Size,
            livePages)
    {
    }

    /// <summary>The last IOVA of a map or unmap.</summary>
    public ulong LastIova => Iova + (Size - 1);
}
