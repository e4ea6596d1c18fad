namespace IommuKit.Traces.Faults;

/// <summary>A map or an unmap in a trace.</summary>
/// <param name="Line">Its line in the trace, counted from 1; 0 for none.</param>
/// <param name="Nanoseconds">Its time; negative if it has none.</param>
/// <param name="First">The first IOVA.</param>
/// <param name="Last">The last IOVA.</param>
/// <param name="Task">The index of the task's name; 0 if it is not known.</param>
/// <param name="IsInInterrupt">Whether it happened in an interrupt, so that the task had nothing to do with it.</param>
internal readonly record struct MappingMoment(long Line, long Nanoseconds, ulong First, ulong Last, int Task, bool IsInInterrupt)
{
    /// <summary>Whether there is one.</summary>
    public bool IsKnown => Line != 0;
}
