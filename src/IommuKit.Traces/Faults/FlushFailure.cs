namespace IommuKit.Traces.Faults;

/// <summary>A kernel's message that a flush was refused or not answered: what it was to drop may be reachable still.</summary>
/// <param name="Line">Its line in the log, or in the trace.</param>
/// <param name="IsInTrace">Whether that is the trace.</param>
/// <param name="Message">What it says, without what stands in front.</param>
public sealed record FlushFailure(long Line, bool IsInTrace, string Message);
