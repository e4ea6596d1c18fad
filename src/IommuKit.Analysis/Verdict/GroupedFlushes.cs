using IommuKit.Traces;

namespace IommuKit.Analysis.Verdict;

/// <summary>What would become of unmaps that are flushed in groups: everything that was unmapped is reachable until its group ends.</summary>
internal sealed class GroupedFlushes
{
    // The oldest unmap of a group stands for those after it once there are so many.
    private const int MaxTimes = 4096;

    private readonly List<long> _times = [];
    private long _pages;
    private long _group;
    private long _recorded;
    private long _took;
    private long _timed;

    /// <summary>Flushes.</summary>
    public long Flushes { get; private set; }

    /// <summary>Nanoseconds that the recorded flushes took that would go: of each group all but one.</summary>
    public long Saved { get; private set; }

    /// <summary>Pages reachable at each flush.</summary>
    public LogHistogram Pages { get; } = new();

    /// <summary>Nanoseconds from each unmap to its flush; empty without times.</summary>
    public LogHistogram Nanoseconds { get; } = new();

    /// <summary>Whether the group has no unmap.</summary>
    public bool IsEmpty => _pages == 0;

    /// <summary>Adds an unmap.</summary>
    public void Add(long nanoseconds, ulong bytes)
    {
        _pages = Saturating.Add(_pages, Math.Max(1, bytes / SmallPage.Bytes));
        if (nanoseconds >= 0 && _times.Count < MaxTimes)
        {
            _times.Add(nanoseconds);
        }
    }

    /// <summary>Notes a recorded flush while the group goes on.</summary>
    /// <returns>The group, for <see cref="Took"/>; 0 if there is none.</returns>
    public long NoteFlush()
    {
        if (IsEmpty)
        {
            return 0;
        }

        _recorded++;
        return _group + 1;
    }

    /// <summary>Says how long a recorded flush took.</summary>
    public void Took(long group, long nanoseconds)
    {
        // The last flush of a group often ends after it, and would stay.
        if (group == _group + 1)
        {
            _took += nanoseconds;
            _timed++;
        }
    }

    /// <summary>Flushes the group, if there is one.</summary>
    /// <param name="nanoseconds">When; negative if that is not known.</param>
    public void Flush(long nanoseconds)
    {
        if (IsEmpty)
        {
            return;
        }

        Flushes++;
        Saved += _recorded < 2 ? 0 : _timed < _recorded ? _took : _took - (_took / _timed);
        (_recorded, _took, _timed) = (0, 0, 0);
        _group++;
        Pages.Add(_pages);
        foreach (long time in _times)
        {
            Nanoseconds.Add(Math.Max(0, nanoseconds - time));
        }

        _times.Clear();
        _pages = 0;
    }
}
