namespace IommuKit.Domains;

/// <summary>When the maintenance that a mapping change needs is done, and in how many pieces.</summary>
public enum SyncPolicy
{
    /// <summary>After every page: drivers before 2015.</summary>
    PerPage,

    /// <summary>
    /// One flush of the whole range at the end of map, map_sg and unmap alike, which does not know which of them it follows: the proposal of 2015.
    /// </summary>
    RangeFlush,

    /// <summary>One synchronisation of the whole range at the end, which does only what its direction needs: the reply of 2015.</summary>
    SplitSync,

    /// <summary>One synchronisation at the end of exactly what was stored, with its levels and its tables: Linux today.</summary>
    Gather,

    /// <summary>
    /// Maps are synchronised at once; unmaps wait in a queue and are flushed together, and until then their IOVAs are not mapped again and
    /// their tables not reused: Linux in lazy mode. A device can use what is unmapped until the queue is drained.
    /// </summary>
    Deferred,

    /// <summary>Nothing is synchronised until the caller asks for it: what the proposal foresaw for GPU drivers.</summary>
    Explicit,
}
