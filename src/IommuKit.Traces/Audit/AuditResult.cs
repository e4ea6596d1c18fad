using IommuKit.Traces.Faults;

namespace IommuKit.Traces.Audit;

/// <summary>What a trace shows of its invalidations.</summary>
public sealed class AuditResult
{
    /// <summary>The file.</summary>
    public required string File { get; init; }

    /// <summary>Lines read.</summary>
    public required long Lines { get; init; }

    /// <summary>Map events.</summary>
    public required long Maps { get; init; }

    /// <summary>Unmap events.</summary>
    public required long Unmaps { get; init; }

    /// <summary>Why the trace has unmaps and not one map, or the other way round: then much cannot be told. Null if it has both, or neither.</summary>
    public string? WhyOneSided => (Maps, Unmaps) switch
    {
        (0, not 0) => ForeignForms.OnlyUnmaps,
        (not 0, 0) => ForeignForms.OnlyMaps,
        _ => null,
    };

    /// <summary>Other events, with those of invalidations.</summary>
    public required long Others { get; init; }

    /// <summary>Events that are known to be missing.</summary>
    public required long Lost { get; init; }

    /// <summary>Events that the file promises and does not have: it is cut off, or lines were taken out of it. 0 if that is not known.</summary>
    public required long Missing { get; init; }

    /// <summary>Lines that are no events: each may have been one before somebody wrote over it.</summary>
    public required long UnknownLines { get; init; }

    /// <summary>
    /// Whether events are known to be lost, missing, damaged or not read: what seems to be flushed late or never may have been flushed by one of
    /// them.
    /// </summary>
    public required bool IsIncomplete { get; init; }

    /// <summary>Lines, or events of a binary file, that are damaged.</summary>
    public required long Damaged { get; init; }

    /// <summary>
    /// Events with an earlier time than the one before them. What is late, and what is left reachable for how long, is by the order of the lines.
    /// </summary>
    public required long OutOfOrder { get; init; }

    /// <summary>
    /// The share of the trace's events that could be read: lost, missing and damaged ones could not, nor what is no event and may have been one. 0 if
    /// there are none.
    /// </summary>
    public double ReadShare => TraceReader.ShareRead(
        Maps + Unmaps + Others, Saturating.Add(Saturating.Add(Saturating.Add(Lost, (ulong)Missing), (ulong)Damaged), (ulong)UnknownLines));

    /// <summary>Whether events have times.</summary>
    public required bool HasTimes { get; init; }

    /// <summary>Events of invalidations, by kind.</summary>
    public required IReadOnlyDictionary<string, long> Invalidations { get; init; }

    /// <summary>When unmaps were invalidated.</summary>
    public required InvalidationMode Mode { get; init; }

    /// <summary>Whether the hardware is in caching mode.</summary>
    public required CachingMode CachingMode { get; init; }

    /// <summary>Ids of the domains that were invalidated.</summary>
    public required IReadOnlyList<int> Domains { get; init; }

    /// <summary>Units of VT-d that were invalidated.</summary>
    public required int Units { get; init; }

    /// <summary>What became of the unmaps; null if the trace has no invalidations of the IOTLB.</summary>
    public required AuditCoverage? Coverage { get; init; }

    /// <summary>Maps and unmaps between an unmap and the next map that starts at the same IOVA; 1 is the next.</summary>
    public required LogHistogram ReuseDistances { get; init; }

    /// <summary>What is dangerous, then what is wasted.</summary>
    public required IReadOnlyList<AuditFinding> Findings { get; init; }

    /// <summary>The faults of the trace and of a kernel log beside it.</summary>
    public required FaultReport Faults { get; init; }

    /// <summary>What cannot be known from this trace, and what was taken for granted instead.</summary>
    public required IReadOnlyList<string> Limits { get; init; }

    /// <summary>What is wrong with the file as a whole, where a lenient audit went on or stopped early; null if nothing is.</summary>
    public required string? Problem { get; init; }
}
