namespace IommuKit.Analysis.Verdict;

/// <summary>Ways to flush.</summary>
public enum FlushOptionKind
{
    /// <summary>As the trace has it.</summary>
    Recorded,

    /// <summary>One flush for each run of unmaps whose IOVAs follow each other, within a burst.</summary>
    Range,

    /// <summary>One flush for each burst of unmaps.</summary>
    Burst,

    /// <summary>As Linux defers: a queue for each processor, flushed when it is full or 10 ms old.</summary>
    Lazy,
}
