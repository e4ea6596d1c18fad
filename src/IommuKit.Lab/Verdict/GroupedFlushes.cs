namespace IommuKit.Lab.Verdict;

/// <summary>What would become of unmaps that are flushed in groups: everything that was unmapped is reachable until its group ends.</summary>
internal sealed class GroupedFlushes
{
    // The oldest unmap of a group stands for those after it once there are so many.
    private const int MaxTimes = 4096;

    private readonly List<long> _times = [];
    private long _pages;

    /// <summary>Flushes.</summary>
    public long Flushes { get; private set; }

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

    /// <summary>Flushes the group, if there is one.</summary>
    /// <param name="nanoseconds">When; negative if that is not known.</param>
    public void Flush(long nanoseconds)
    {
        if (IsEmpty)
        {
            return;
        }

        Flushes++;
        Pages.Add(_pages);
        foreach (long time in _times)
        {
            Nanoseconds.Add(Math.Max(0, nanoseconds - time));
        }

        _times.Clear();
        _pages = 0;
    }
}
