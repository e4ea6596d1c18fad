using IommuKit.Traces;

namespace IommuKit.Analysis.Verdict;

/// <summary>A way to flush what a trace unmaps: how often, and what stays reachable for how long.</summary>
public sealed class FlushOption
{
    /// <summary>Which way.</summary>
    public required FlushOptionKind Kind { get; init; }

    /// <summary>Flushes with it, and waits for them; null if that cannot be known.</summary>
    public required long? Flushes { get; init; }

    /// <summary>
    /// What it saves of the recorded time, in nanoseconds: of bursts and ranges the gaps of the flushes that go, else as many flushes less at the
    /// mean gap. Null without recorded times, or where too many of them say nothing; negative if it flushes more often.
    /// </summary>
    public long? SavedNanoseconds { get; init; }

    /// <summary>Pages that were unmapped and still reachable, at each flush; null if that cannot be known.</summary>
    public required LogHistogram? Pages { get; init; }

    /// <summary>Nanoseconds from an unmap to the flush that ends the reach of its pages; null if that cannot be known.</summary>
    public required LogHistogram? Nanoseconds { get; init; }
}
