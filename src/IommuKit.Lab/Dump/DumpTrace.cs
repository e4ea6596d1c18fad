using IommuKit.Lab.Replay;

namespace IommuKit.Lab.Dump;

/// <summary>What the events of a trace did to a page table.</summary>
/// <param name="Skipped">What could not be done, or not wholly, and why.</param>
/// <param name="LiveBytes">Bytes that the trace leaves mapped.</param>
/// <param name="PeakBytes">The most bytes that were mapped at a time.</param>
/// <param name="PeakLine">The first line after which they were; 0 if nothing ever was mapped.</param>
/// <param name="IsPeak">Whether the page table is as it was then, rather than at the end.</param>
/// <param name="Problem">What is wrong with the file as a whole, if it was read leniently; null if nothing is.</param>
internal sealed record DumpTrace(
    IReadOnlyList<SkippedEvents> Skipped, ulong LiveBytes, ulong PeakBytes, long PeakLine, bool IsPeak, string? Problem);
