namespace IommuKit.Lab.Replay;

/// <summary>Counts the events that are skipped, by reason.</summary>
internal sealed class SkipCounter
{
    private readonly SkippedEvents?[] _skipped = new SkippedEvents?[(int)SkipReason.Damaged + 1];

    /// <summary>What was skipped so far.</summary>
    public IReadOnlyList<SkippedEvents> Skipped => [.. _skipped.OfType<SkippedEvents>()];

    /// <summary>Counts an event.</summary>
    /// <param name="reason">Why it was skipped.</param>
    /// <param name="line">Its line.</param>
    public void Add(SkipReason reason, long line)
    {
        ref var skipped = ref _skipped[(int)reason];
        skipped = skipped is null
            ? new SkippedEvents(reason, 1, line, line)
            : skipped with { Count = skipped.Count + 1, LastLine = line };
    }
}
