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

    /// <summary>
    /// Of each page that was unmapped, with how many it was reachable when its flush came; null if that cannot be known. Counted by pages and not
    /// by flushes, ways that flush more and less often compare.
    /// </summary>
    public required LogHistogram? Pages { get; init; }

    /// <summary>Nanoseconds from each unmap to the flush that ends the reach of its pages; null if that cannot be known.</summary>
    public required LogHistogram? Nanoseconds { get; init; }
}
