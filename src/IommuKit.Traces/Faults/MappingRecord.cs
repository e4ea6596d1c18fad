namespace IommuKit.Traces.Faults;

/// <summary>A map or an unmap that matters to a fault.</summary>
/// <param name="Line">Its line in the trace (of a trace.dat: its number), counted from 1.</param>
/// <param name="Nanoseconds">Its time of the trace's clock; negative if it has none.</param>
/// <param name="Iova">The first IOVA.</param>
/// <param name="Bytes">How many bytes; 0 for all 2^64.</param>
/// <param name="Task">The task, as the trace names it; null if it does not. Print it through <see cref="Printable"/>.</param>
/// <param name="IsInInterrupt">Whether it happened in an interrupt, so that the task had nothing to do with it.</param>
public sealed record MappingRecord(long Line, long Nanoseconds, ulong Iova, ulong Bytes, string? Task, bool IsInInterrupt);
