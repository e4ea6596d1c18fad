namespace IommuKit.Traces.Faults;

/// <summary>The faults of a kernel log, of a trace or of both, explained.</summary>
public sealed class FaultReport
{
    /// <summary>The kernel log; null without one.</summary>
    public string? LogFile { get; init; }

    /// <summary>Lines of the kernel log.</summary>
    public long LogLines { get; init; }

    /// <summary>The faults: those that show in the trace by their place in it, and the others by their place in the log.</summary>
    public required IReadOnlyList<ExplainedFault> Faults { get; init; }

    /// <summary>Messages and events of faults in all, with those that are not kept.</summary>
    public required long Messages { get; init; }

    /// <summary>Faults that are neither in <see cref="Faults"/> nor followed, as there were too many.</summary>
    public required long NotKept { get; init; }

    /// <summary>Calls of functions of IOMMU drivers that would have printed something and that the kernel left out, as it says itself.</summary>
    public required long SuppressedCalls { get; init; }

    /// <summary>
    /// About how many faults the kernel printed nothing of, by <see cref="SuppressedCalls"/>: of VT-d, whose driver calls for each fault a third time to
    /// end a line, and twice for one of which only the heading was printed. Null where a fault takes as many calls as it has lines, which differ.
    /// </summary>
    public long? SilentFaults { get; init; }

    /// <summary>
    /// Whether what the kernel left out shows in the trace as events iommu:io_page_fault, so that <see cref="Faults"/> has it: every message with an
    /// IOVA has its event, some events have no message, and no event is missing.
    /// </summary>
    public bool AreSuppressedInTrace { get; init; }

    /// <summary>Notes of the kernel that it left out messages.</summary>
    public required IReadOnlyList<SuppressedMessages> Suppressed { get; init; }

    /// <summary>
    /// The trace's time minus the log's, in nanoseconds, the median over the faults that show in both; null if it cannot be told, or the log
    /// has no times since the start.
    /// </summary>
    public long? ClockOffset { get; init; }

    /// <summary>
    /// Faults that show in both log and trace, but for those of which only the heading was printed: they tie the two together. If 0, the log may be of
    /// another run.
    /// </summary>
    public int InBoth { get; init; }

    /// <summary>Whether the log names another kernel than the trace, so that all of it is left out.</summary>
    public bool IsLogOfOtherKernel { get; init; }

    /// <summary>Faults of the log that are left out of <see cref="Faults"/>, because it is of another run, or of another kind of IOMMU, than the trace.</summary>
    public int LeftOut { get; init; }

    /// <summary>Messages that a flush was refused or not answered.</summary>
    public long FlushFailures { get; init; }

    /// <summary>The first of them.</summary>
    public IReadOnlyList<FlushFailure> FirstFlushFailures { get; init; } = [];

    /// <summary>Whether the trace has what the kernel printed (printk:console), by which the clocks of log and trace are compared.</summary>
    public bool HasConsole { get; init; }

    /// <summary>Whether a trace was read; without one there are no causes.</summary>
    public required bool HasTrace { get; init; }

    /// <summary>What cannot be told, and what was taken for granted instead.</summary>
    public required IReadOnlyList<string> Limits { get; init; }

    /// <summary>What is wrong with the log as a whole, where reading it stopped early; null if nothing is.</summary>
    public string? Problem { get; init; }

    /// <summary>How many faults of <see cref="Faults"/> have each cause. Causes that do not occur are left out.</summary>
    public IReadOnlyDictionary<FaultCause, int> ByCause =>
        Faults.GroupBy(fault => fault.Cause).OrderBy(group => group.Key).ToDictionary(group => group.Key, group => group.Count());

    /// <summary>
    /// The worst faults, each of another device or cause as far as there are such: by severity of the cause, then by number of messages.
    /// </summary>
    /// <param name="count">How many at most.</param>
    public IReadOnlyList<ExplainedFault> Worst(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var sorted = Faults.OrderBy(fault => fault.Cause).ThenByDescending(fault => fault.Messages).ToList();
        var different = sorted.DistinctBy(fault => (fault.Cause, fault.Fault.Device)).ToList();
        return [.. different.Concat(sorted.Except(different)).Take(count).OrderBy(fault => fault.Cause)];
    }
}
