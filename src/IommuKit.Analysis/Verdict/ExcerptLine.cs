using IommuKit.Traces;

namespace IommuKit.Analysis.Verdict;

/// <summary>An event of a trace, as an excerpt has it.</summary>
/// <param name="Event">The event.</param>
/// <param name="Task">The task in whose time it happened, as the trace has it; empty if it does not say. Nothing about it is safe.</param>
/// <param name="Cpu">Its processor; negative if the trace does not say.</param>
/// <param name="Message">What the kernel printed, or the device that faulted; else empty. Nothing about it is safe.</param>
public sealed record ExcerptLine(TraceEvent Event, string Task, int Cpu, string Message);
