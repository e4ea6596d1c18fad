using IommuKit.Traces.Audit;

namespace IommuKit.Analysis.Verdict;

/// <summary>
/// What a trace of a real kernel says about its flushes: what they cost, whether any is missing, which could go, and at what price.
/// </summary>
public sealed class VerdictResult
{
    private IReadOnlyList<Advice>? _advice;
    private IReadOnlyList<FlushWaste>? _waste;

    /// <summary>What the audit of the same trace found.</summary>
    public required AuditResult Audit { get; init; }

    /// <summary>The kernel; null if the trace does not say.</summary>
    public required string? Kernel { get; init; }

    /// <summary>The machine, as its firmware calls it; null if the trace does not say.</summary>
    public required string? Machine { get; init; }

    /// <summary>The day on which the kernel started, by the clock that it read then (UTC); null if the trace does not say.</summary>
    public required DateOnly? Date { get; init; }

    /// <summary>The kind of IOMMU: "VT-d" where its commands were recorded, else by the messages of its driver; null if nothing shows it.</summary>
    public required string? Iommu { get; init; }

    /// <summary>What is said of the machine by the log alone, and nothing ties the log to the trace: it may be of another machine.</summary>
    public IReadOnlyList<MachineFact> ByLog { get; init; } = [];

    /// <summary>
    /// What the kernel's own domains did: as recording started, by <c>iommukit record</c>, "strict", "lazy", "identity" or "mixed"; else by what the
    /// kernel printed, "strict" or "lazy". Null if neither says.
    /// </summary>
    public string? RecordedMode { get; init; }

    /// <summary>
    /// The PCI devices that were attached to a domain in the trace, such as "0000:00:04.0"; if none was, the devices that <c>iommukit record</c> found
    /// in domains that translate; else empty.
    /// </summary>
    public required IReadOnlyList<string> Devices { get; init; }

    /// <summary>Whether the log's faults are of none of these devices, and nothing ties it to the trace: it may be of another run or machine.</summary>
    public bool IsLogOfOtherDevices { get; init; }

    /// <summary>
    /// Whether it was recorded in a virtual machine: the kernel said so, or VT-d is in caching mode, which only emulated ones have. If false,
    /// nothing says either way.
    /// </summary>
    public required bool IsVirtual { get; init; }

    /// <summary>Nanoseconds from the first event to the last; null if the events have no times.</summary>
    public required long? Span { get; init; }

    /// <summary>Processors: of the machine if the trace says, else those that events are from; 0 if neither is known.</summary>
    public required int Processors { get; init; }

    /// <summary>
    /// How much of what was unmapped is covered by what is said: 1 if every unmap could be followed to its flush, and no event is missing. Where the
    /// trace has no flushes, how much of the events could be read.
    /// </summary>
    public required double Coverage { get; init; }

    /// <summary>What is left out, and why.</summary>
    public required IReadOnlyList<string> LeftOut { get; init; }

    /// <summary>
    /// Flushes of the IOTLB: commands of the queue, or where only those were recorded flushes of cache tags; 0 if none were recorded.
    /// </summary>
    public required long Flushes { get; init; }

    /// <summary>Of them, those of single ranges of pages.</summary>
    public required long PageFlushes { get; init; }

    /// <summary>
    /// The gaps between flushes and what came next; null if no flush was recorded, or events have no times or do not say their task and processor.
    /// </summary>
    public required FlushTimes? Gaps { get; init; }

    /// <summary>How long flushes took at most; null where the gaps do not tell (see <see cref="FlushTimes.IsVague"/>) or are not known.</summary>
    public FlushTimes? Times => Gaps is { IsVague: false } ? Gaps : null;

    /// <summary>Unmaps and flushes over the time of the trace; without intervals if its events have no times.</summary>
    public required FlushSeries Series { get; init; }

    /// <summary>Commands that hardware may not take.</summary>
    public required RefusedCommands Refused { get; init; }

    /// <summary>What need not have been flushed, the most flushes first.</summary>
    public IReadOnlyList<FlushWaste> Waste => _waste ??= FlushWaste.Of(Audit);

    /// <summary>Ways to flush, that of the trace first.</summary>
    public required IReadOnlyList<FlushOption> Options { get; init; }

    /// <summary>What is worth trying, the most important first; empty if nothing can be said.</summary>
    public IReadOnlyList<Advice> Advice => _advice ??= [.. AdviceMaker.Of(this)];

    /// <summary>The share of all processors' time that flushes took at most; null if that is not known.</summary>
    public double? ShareOfTime => this is { Times: { } times, Span: > 0, Processors: > 0 }
        ? times.Sum / ((double)Span.Value * Processors)
        : null;

    /// <summary>The same share in the busiest second of the trace; null if it is not known, or there are not a few seconds to tell it from.</summary>
    public double? BusiestShareOfTime => this is { Times: { } times, Span: >= FewSeconds, Processors: > 0 }
        ? times.SumOfBusiestSecond / ((double)BusiestSecond.Length * Processors)
        : null;

    private const long FewSeconds = 4 * BusiestSecond.Length;
}
