namespace IommuKit.Traces.Audit;

/// <summary>An unmap of which the IOTLB may still hold pages.</summary>
/// <param name="Line">Its line.</param>
/// <param name="Nanoseconds">Its time; negative if it has none.</param>
/// <param name="Event">Which of the trace's events it is.</param>
/// <param name="Number">Which of its unmaps it is.</param>
/// <param name="Bytes">How many bytes it unmapped.</param>
internal readonly record struct StaleUnmap(long Line, long Nanoseconds, long Event, long Number, ulong Bytes)
{
    /// <summary>How many of the bytes were not invalidated yet.</summary>
    public ulong Remaining { get; init; } = Bytes;

    /// <summary>Whether it can have freed a page table.</summary>
    public bool CanFreeTable { get; init; }

    /// <summary>Whether other pages stayed mapped in each 2 MiB at its ends.</summary>
    public bool LeavesTablesInUse { get; init; }
}
