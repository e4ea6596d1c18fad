using IommuKit.Traces;

namespace IommuKit.Analysis.Verdict;

/// <summary>
/// What would become of unmaps that are flushed in groups: everything that was unmapped is reachable until its group ends, and the flush of its last unmap
/// has come, as it was recorded: on the processor of that unmap, before the next one there.
/// </summary>
internal sealed class GroupedFlushes
{
    // The oldest unmap of a group stands for those after it once there are so many.
    private const int MaxTimes = 4096;

    // Processors whose groups wait at a time.
    private const int MaxWaiting = 4096;

    // Groups whose flushes may still be under way.
    private const int Closed = 8192;

    private readonly Dictionary<int, (List<long> Times, long Pages, long End)> _waiting = [];
    private readonly Stack<List<long>> _free = new();

    // How many recorded flushes the last groups had.
    private readonly long[] _closed = new long[Closed];
    private List<long> _times = [];
    private long _pages;
    private long _waitingPages;
    private int _lastCpu = -1;
    private long _flushed = -1;
    private bool _areFlushed;
    private long _group;
    private long _recorded;
    private long _lastTook;

    /// <summary>Flushes.</summary>
    public long Flushes { get; private set; }

    /// <summary>Nanoseconds that the recorded flushes took that would go: of each group all but the last.</summary>
    public long Saved { get; private set; }

    /// <summary>Of each page, with how many it was reachable at its flush.</summary>
    public LogHistogram Pages { get; } = new();

    /// <summary>Nanoseconds from each unmap to its flush; empty without times.</summary>
    public LogHistogram Nanoseconds { get; } = new();

    /// <summary>Whether the group has no unmap.</summary>
    public bool IsEmpty => _pages == 0;

    /// <summary>Adds an unmap.</summary>
    /// <param name="nanoseconds">When; negative if that is not known.</param>
    /// <param name="bytes">How much.</param>
    /// <param name="cpu">The processor.</param>
    public void Add(long nanoseconds, ulong bytes, int cpu)
    {
        if (_waiting.ContainsKey(cpu))
        {
            // No flush came for the one before, as where they are put off.
            _areFlushed = false;
            EndWaiting(cpu, -1);
        }

        _lastCpu = cpu;
        _flushed = -1;
        _pages = Saturating.Add(_pages, Math.Max(1, bytes / SmallPage.Bytes));
        if (nanoseconds >= 0 && _times.Count < MaxTimes)
        {
            _times.Add(nanoseconds);
        }
    }

    /// <summary>Notes the time of a recorded flush.</summary>
    public void Flushed(int cpu, long nanoseconds)
    {
        if (_waiting.ContainsKey(cpu))
        {
            EndWaiting(cpu, nanoseconds);
        }
        else if (cpu == _lastCpu && !IsEmpty)
        {
            _flushed = nanoseconds;
        }

        _areFlushed = true;
    }

    /// <summary>Nothing more comes of what waits for its flush.</summary>
    public void Finish()
    {
        foreach (int cpu in _waiting.Keys.ToArray())
        {
            EndWaiting(cpu, -1);
        }
    }

    /// <summary>Notes a recorded flush while the group goes on. Of all in a group the last one would stay.</summary>
    /// <returns>What names it to <see cref="Took"/>.</returns>
    public (long Group, long Number) NoteFlush()
    {
        if (IsEmpty)
        {
            return (-1, 0);
        }

        Saved += _lastTook;
        _lastTook = 0;
        return (_group, _recorded++);
    }

    /// <summary>Says how long a recorded flush took. That may be known only after the end of its group.</summary>
    public void Took((long Group, long Number) flush, long nanoseconds)
    {
        bool isOpen = flush.Group == _group;
        if (flush.Group < 0 || _group - flush.Group >= Closed)
        {
            return;
        }

        bool isLast = flush.Number == (isOpen ? _recorded : _closed[flush.Group % Closed]) - 1;
        if (!isLast)
        {
            Saved += nanoseconds;
        }
        else if (isOpen)
        {
            _lastTook = nanoseconds;
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
        _closed[_group % Closed] = _recorded;
        (_recorded, _lastTook) = (0, 0);
        _group++;
        if (nanoseconds >= 0 && _flushed < 0 && _areFlushed && _waiting.Count < MaxWaiting && !_waiting.ContainsKey(_lastCpu))
        {
            _waiting[_lastCpu] = (_times, _pages, nanoseconds);
            _waitingPages = Saturating.Add(_waitingPages, (ulong)_pages);
            _times = _free.TryPop(out var free) ? free : [];
        }
        else
        {
            End(_times, _pages, Saturating.Add(_pages, (ulong)_waitingPages), Math.Max(nanoseconds, _flushed));
        }

        _flushed = -1;
        _pages = 0;
    }

    private void EndWaiting(int cpu, long nanoseconds)
    {
        _waiting.Remove(cpu, out var waiting);
        End(waiting.Times, waiting.Pages, Saturating.Add(_pages, (ulong)_waitingPages), Math.Max(waiting.End, nanoseconds));
        _waitingPages -= waiting.Pages;
        _free.Push(waiting.Times);
    }

    /// <summary>Counts a group whose flush has come.</summary>
    /// <param name="times">Its unmaps.</param>
    /// <param name="pages">Its pages.</param>
    /// <param name="reachable">They, and those of others.</param>
    /// <param name="nanoseconds">When its flush came.</param>
    private void End(List<long> times, long pages, long reachable, long nanoseconds)
    {
        Pages.Add(reachable, pages);
        foreach (long time in times)
        {
            Nanoseconds.Add(Math.Max(0, nanoseconds - time));
        }

        times.Clear();
    }
}
