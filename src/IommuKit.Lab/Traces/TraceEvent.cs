namespace IommuKit.Lab.Traces;

/// <summary>A line of a trace that says something.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="Line">Its number, counted from 1.</param>
/// <param name="Nanoseconds">Its time; negative if it has none, or one that does not measure time.</param>
/// <param name="Iova">First IOVA of a map or unmap.</param>
/// <param name="PhysicalAddress">What a map maps to.</param>
/// <param name="Size">
/// Bytes mapped; or bytes that an unmap really removed (the kernel's unmapped_size, which can exceed what was asked for); or how many events
/// were lost.
/// </param>
public readonly record struct TraceEvent(
    TraceEventKind Kind, long Line, long Nanoseconds = -1, ulong Iova = 0, ulong PhysicalAddress = 0, ulong Size = 0)
{
    /// <summary>The last IOVA of a map or unmap.</summary>
    public ulong LastIova => Iova + (Size - 1);
}
