namespace IommuKit.Traces.Faults;

/// <summary>
/// What one message of a kernel (or one event io_page_fault) says of a fault. Texts are as in the log: print them through <see
/// cref="Printable"/>.
/// </summary>
public sealed class LoggedFault
{
    /// <summary>Who told of it.</summary>
    public required FaultReporter Reporter { get; init; }

    /// <summary>The line of its first message, counted from 1, in the log or, where it is known from there only, in the trace.</summary>
    public required long Line { get; init; }

    /// <summary>When it was printed, in nanoseconds of <see cref="Clock"/>; negative if that is not known.</summary>
    public long Nanoseconds { get; init; } = -1;

    /// <summary>What <see cref="Nanoseconds"/> counts from.</summary>
    public LogClock Clock { get; init; }

    /// <summary>Whether only the heading of a message is there: that something faulted, not what and where.</summary>
    public bool IsHeaderOnly { get; init; }

    /// <summary>The device as the message names it, such as "0000:00:04.0", "00:04.0" or "stream 0x20"; null if it does not.</summary>
    public string? Device { get; internal set; }

    /// <summary>
    /// Bus, device and function in bits 15:0 and, if <see cref="HasSegment"/>, the segment above; or the number of a stream or endpoint, which is
    /// usually that of the PCI function; null if none is given.
    /// </summary>
    public uint? Requester { get; internal set; }

    /// <summary>Whether <see cref="Requester"/> has the segment.</summary>
    public bool HasSegment { get; internal set; }

    /// <summary>The address space within the device; null without one.</summary>
    public uint? Pasid { get; internal set; }

    /// <summary>The IOVA; null if the message has none that can be used.</summary>
    public ulong? Iova { get; internal set; }

    /// <summary>What the device tried.</summary>
    public FaultDirection Direction { get; internal set; }

    /// <summary>What the hardware says of the translation.</summary>
    public FaultEvidence Evidence { get; internal set; }

    /// <summary>The hardware's own number of the reason; null without one.</summary>
    public uint? ReasonCode { get; internal set; }

    /// <summary>The reason in plain words.</summary>
    public string Reason { get; internal set; } = string.Empty;

    /// <summary>Why the message does not give an IOVA, or null.</summary>
    public string? WhyNoIova { get; internal set; }

    /// <summary>The first line of the message, as it was printed.</summary>
    public string Message { get; init; } = string.Empty;

    /// <summary>Whether two names are of the same device, as far as both say; false too if they cannot be compared.</summary>
    internal bool IsSameDevice(LoggedFault other) =>
        Requester is { } one && other.Requester is { } two
            ? HasSegment && other.HasSegment ? one == two : (one & 0xffff) == (two & 0xffff)
            : Device is not null && string.Equals(Device, other.Device, StringComparison.Ordinal);

    /// <summary>What the same fault has in the log and in the trace.</summary>
    internal (uint Device, ulong Iova, bool IsHeader) Key =>
        ((Requester ?? 0xffff_ffff) & 0xffff, Iova ?? ulong.MaxValue, IsHeaderOnly);
}
