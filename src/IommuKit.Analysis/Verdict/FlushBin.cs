namespace IommuKit.Analysis.Verdict;

/// <summary>What happened in one interval of a trace's time.</summary>
/// <param name="Unmaps">Unmaps of something.</param>
/// <param name="Flushes">Flushes whose time is known; each counts where it started.</param>
/// <param name="Nanoseconds">The time that they took at most, added up as in <see cref="FlushTimes.Sum"/>.</param>
/// <param name="Longest">The longest of them, in nanoseconds; at most <see cref="FlushTimes.CutOff"/>.</param>
public readonly record struct FlushBin(long Unmaps, long Flushes, long Nanoseconds, long Longest)
{
    /// <summary>Whether events of it were lost, so that there was more than this.</summary>
    public bool HasLoss { get; init; }

    /// <summary>What happened in two intervals.</summary>
    public FlushBin With(in FlushBin other) =>
        new(Unmaps + other.Unmaps, Flushes + other.Flushes, Nanoseconds + other.Nanoseconds, Math.Max(Longest, other.Longest)) { HasLoss = HasLoss || other.HasLoss };
}
