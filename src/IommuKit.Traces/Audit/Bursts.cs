namespace IommuKit.Traces.Audit;

/// <summary>
/// Bursts of unmaps that were invalidated one by one. A burst is unmap events without a map event between them, each at most a millisecond after the
/// one before it where the events have times. One invalidation at its end, of the domain or of one range, would have done for all of its
/// page-selective ones.
/// </summary>
internal sealed class Bursts
{
    private long _invalidations;
    private long _firstLine;
    private long _firstUnmap;
    private long _lastTime = -1;
    private bool _isNew = true;

    /// <summary>Bursts with more than one invalidation; the cost is the invalidations that one would have replaced.</summary>
    public Tally Saved { get; } = new();

    /// <summary>The most invalidations in a burst.</summary>
    public long Longest { get; private set; }

    /// <summary>Notes an unmap.</summary>
    /// <param name="nanoseconds">Its time; negative if it has none.</param>
    /// <param name="number">Which of the trace's unmaps it is.</param>
    public void Unmapped(long nanoseconds, long number)
    {
        if (_lastTime >= 0 && nanoseconds - _lastTime > Auditor.MaxBurstPause)
        {
            End();
        }

        _lastTime = nanoseconds;
        _firstUnmap = _isNew ? number : _firstUnmap;
        _isNew = false;
    }

    /// <summary>Notes a page-selective invalidation that completed unmaps.</summary>
    /// <param name="line">Its line.</param>
    /// <param name="unmap">The latest of the unmaps; one before the burst makes it no part of the burst.</param>
    public void Invalidated(long line, long unmap)
    {
        if (!_isNew && unmap >= _firstUnmap)
        {
            _firstLine = _invalidations++ == 0 ? line : _firstLine;
        }
    }

    /// <summary>Ends the burst.</summary>
    public void End()
    {
        if (_invalidations > 1)
        {
            Saved.Add(_firstLine, (ulong)_invalidations - 1);
            Longest = Math.Max(Longest, _invalidations);
        }

        _invalidations = 0;
        _isNew = true;
    }
}
