using IommuKit.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>Follows what unmaps leave reachable until a flush ends it.</summary>
/// <param name="capacity">How many unmaps it follows one by one. Of more, neighbours are followed as if all were unmapped with the first.</param>
internal sealed class ExposureMeter(int capacity = 1 << 16)
{
    private readonly LogHistogram _pages = new();
    private readonly LogHistogram _recorded = new();
    private readonly LogHistogram _virtual = new();
    private readonly List<Waiting> _waiting = [];
    private long _pagesNow;
    private long _unmaps;

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
        _unmaps++;
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
            _recorded.Add(recorded - waiting.Recorded, waiting.Unmaps);
            _virtual.Add((long)Math.Round((microseconds - waiting.Microseconds) * 1000), waiting.Unmaps);
        }

        _pages.Add(_pagesNow);
        _pagesNow = 0;
        _waiting.Clear();
    }

    /// <summary>What was found.</summary>
    /// <param name="hasTimes">Whether the trace has times.</param>
    public Exposure Finish(bool hasTimes) => new(
        _unmaps,
        _pages.Percentile(0.99),
        _pages.Max,
        hasTimes ? _recorded.Percentile(0.99) : null,
        hasTimes ? _recorded.Max : null,
        _virtual.Percentile(0.99) / 1000.0,
        _virtual.Max / 1000.0);

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

    private readonly record struct Waiting(long Unmaps, long Recorded, double Microseconds);
}
