using IommuKit.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>Follows what unmaps leave reachable until a flush ends it.</summary>
/// <param name="capacity">How many unmaps it follows one by one. Of more, neighbours are followed as if all were unmapped with the first.</param>
internal sealed class ExposureMeter(int capacity = 1 << 16)
{
    private readonly List<Waiting> _waiting = [];
    private Totals _totals = new();
    private long _pagesNow;

    /// <summary>Another for what is flushed apart from this, whose numbers go into the same result.</summary>
    public ExposureMeter Beside() => new(capacity) { _totals = _totals };

    /// <summary>An unmap has returned, and left pages reachable.</summary>
    /// <param name="pages">How many, 1 or more.</param>
    /// <param name="recorded">Now, in nanoseconds of the trace's clock.</param>
    /// <param name="microseconds">Now, in virtual time.</param>
    public void Left(long pages, long recorded, double microseconds)
    {
        if (_waiting.Count == capacity)
        {
            Halve();
        }

        _waiting.Add(new Waiting(1, recorded, microseconds));
        _pagesNow += pages;
        _totals.Unmaps++;
    }

    /// <summary>A flush has ended the reach of all that was left.</summary>
    /// <param name="recorded">Now, in nanoseconds of the trace's clock.</param>
    /// <param name="microseconds">Now, in virtual time.</param>
    public void Drained(long recorded, double microseconds)
    {
        if (_waiting.Count == 0)
        {
            return;
        }

        foreach (var waiting in _waiting)
        {
            _totals.Recorded.Add(recorded - waiting.Recorded, waiting.Unmaps);
            _totals.Virtual.Add((long)Math.Round((microseconds - waiting.Microseconds) * 1000), waiting.Unmaps);
        }

        _totals.Pages.Add(_pagesNow);
        _pagesNow = 0;
        _waiting.Clear();
    }

    /// <summary>What was found, by all that are beside each other.</summary>
    /// <param name="hasTimes">Whether the trace has times.</param>
    public Exposure Finish(bool hasTimes) => new(
        _totals.Unmaps,
        _totals.Pages.Percentile(0.99),
        _totals.Pages.Max,
        hasTimes ? _totals.Recorded.Percentile(0.99) : null,
        hasTimes ? _totals.Recorded.Max : null,
        _totals.Virtual.Percentile(0.99) / 1000.0,
        _totals.Virtual.Max / 1000.0);

    /// <summary>Joins neighbours, so that none is followed for less time than it was reachable.</summary>
    private void Halve()
    {
        int kept = 0;
        for (int i = 0; i < _waiting.Count; i += 2)
        {
            var first = _waiting[i];
            _waiting[kept++] = i + 1 < _waiting.Count ? first with { Unmaps = first.Unmaps + _waiting[i + 1].Unmaps } : first;
        }

        _waiting.RemoveRange(kept, _waiting.Count - kept);
    }

    private sealed class Totals
    {
        public LogHistogram Pages { get; } = new();

        public LogHistogram Recorded { get; } = new();

        public LogHistogram Virtual { get; } = new();

        public long Unmaps { get; set; }
    }

    private readonly record struct Waiting(long Unmaps, long Recorded, double Microseconds);
}
