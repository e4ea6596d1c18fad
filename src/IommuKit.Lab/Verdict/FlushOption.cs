namespace IommuKit.Lab.Verdict;

/// <summary>A way to flush what a trace unmaps: how often, and what stays reachable for how long.</summary>
public sealed class FlushOption
{
    /// <summary>Which way.</summary>
    public required FlushOptionKind Kind { get; init; }

    /// <summary>Flushes with it, and waits for them; null if that cannot be known.</summary>
    public required long? Flushes { get; init; }

    /// <summary>Whether there may be more: a timer cannot be followed where events have no times.</summary>
    public bool IsAtLeast { get; init; }

    /// <summary>
    /// The most that it saves of the recorded time, in nanoseconds: as many flushes less, each at the recorded mean. Null without recorded times;
    /// negative if it flushes more often.
    /// </summary>
    public long? SavedNanoseconds { get; init; }

    /// <summary>Pages that were unmapped and still reachable, at each flush; null if that cannot be known.</summary>
    public required LogHistogram? Pages { get; init; }

    /// <summary>Nanoseconds from an unmap to the flush that ends the reach of its pages; null if that cannot be known.</summary>
    public required LogHistogram? Nanoseconds { get; init; }
}
