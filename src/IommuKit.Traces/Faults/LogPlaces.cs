namespace IommuKit.Traces.Faults;

/// <summary>
/// Remembers, for each fault of a kernel log, what happens to its page around the time that the log gives: by how much the clocks of log and trace
/// differ shows only later, or never.
/// </summary>
internal sealed class LogPlaces
{
    /// <summary>Clocks that differ by more, in nanoseconds, are not followed.</summary>
    public const long MaxOffset = 2_000_000_000;

    // Faults that are followed at a time, and changes that are kept of each and of all.
    private const int MaxOpen = 256;
    private const int MaxChanges = 64;
    private const int MaxAllChanges = 1 << 17;

    private readonly List<Window> _windows;
    private readonly List<Window> _open = [];
    private int _next;
    private int _changes;

    /// <summary>Starts before the trace does.</summary>
    public LogPlaces(KernelLog log) => _windows =
    [
        .. log.Faults.Where(fault => fault is { Iova: not null, Clock: LogClock.Boot }).Select(fault => new Window(fault))
            .OrderBy(window => window.Fault.Nanoseconds),
    ];

    /// <summary>The trace has come to a time.</summary>
    public void At(long time, MappingHistory history)
    {
        while (_next < _windows.Count && _windows[_next].Fault.Nanoseconds <= time + MaxOffset)
        {
            var window = _windows[_next++];
            if (_open.Count == MaxOpen)
            {
                window.HasTooMany = true;
                continue;
            }

            window.States.Add((long.MinValue, history.At(window.Fault.Iova!.Value)));
            _open.Add(window);
        }

        if (_open.Count > 0 && _open[0].Fault.Nanoseconds < time - MaxOffset)
        {
            _open.RemoveAll(window => window.Fault.Nanoseconds < time - MaxOffset);
        }
    }

    /// <summary>Something was mapped or unmapped.</summary>
    public void Changed(in MappingMoment change, MappingHistory history)
    {
        foreach (var window in _open)
        {
            ulong iova = window.Fault.Iova!.Value;
            ulong first = iova & ~SmallPage.Mask;
            bool isNear = change.First <= Math.Max(first + (2 * SmallPage.Bytes) - 1, first)
                && change.Last >= first - Math.Min(first, SmallPage.Bytes);
            if (!isNear || window.HasTooMany)
            {
                continue;
            }

            if (window.States.Count == MaxChanges || _changes == MaxAllChanges)
            {
                window.HasTooMany = true;
                continue;
            }

            _changes++;
            window.States.Add((change.Nanoseconds, history.At(iova)));
        }
    }

    /// <summary>Finds out what the trace said of the pages of faults that show in the log only.</summary>
    public void Place(FaultMerger.Result merged, MappingHistory history, (long First, long FirstMapping, long Last) trace)
    {
        var windows = new Dictionary<LoggedFault, Window>(ReferenceEqualityComparer.Instance);
        foreach (var window in _windows)
        {
            windows[window.Fault] = window;
        }

        foreach (var sighting in merged.Sightings.Where(sighting => sighting.Line == 0 && sighting.Fault.Iova is not null))
        {
            sighting.WhyNoPlace = merged.IsOtherRun ? "the log and the trace are not of the same run, by the times of the faults in both"
                : !windows.TryGetValue(sighting.Fault, out var found)
                    ? "its message has no time since the start of the kernel, and does not show in the trace"
                : Place(sighting, found, merged.Offset, trace);
            bool isWithin = !merged.IsOtherRun && !IsOutside(sighting.Fault, merged.Offset, trace) && (merged.IsTied || HasTimes(sighting.Fault, trace));
            if (sighting.WhyNoPlace is not null && isWithin && history.Forgotten == 0 && !history.IsSeen(sighting.Fault.Iova!.Value))
            {
                // Whenever it was.
                sighting.WhyNoPlace = null;
                sighting.State = default(PageState);
            }
        }
    }

    /// <summary>Whether it was before or after all that the trace tells of.</summary>
    private static bool IsOutside(LoggedFault fault, long? offset, (long First, long FirstMapping, long Last) trace)
    {
        if (!HasTimes(fault, trace))
        {
            return false;
        }

        long time = fault.Nanoseconds + (offset ?? 0);
        long slack = offset is null ? MaxOffset : 0;
        return time < trace.First - slack || time > trace.Last + slack;
    }

    private static bool HasTimes(LoggedFault fault, (long First, long FirstMapping, long Last) trace) => fault.Clock == LogClock.Boot && trace.First >= 0;

    private static string? Place(Sighting sighting, Window window, long? offset, (long First, long FirstMapping, long Last) trace)
    {
        long time = sighting.Fault.Nanoseconds + (offset ?? 0);
        if (trace.First < 0)
        {
            return "the trace has no times";
        }

        if (time < trace.First - (offset is null ? MaxOffset : 0))
        {
            return "it was before the trace begins";
        }

        if (time > trace.Last + (offset is null ? MaxOffset : 0))
        {
            return "it was after the trace ends";
        }

        if (window.HasTooMany || window.States.Count == 0)
        {
            return "too much happened to its page around that time to be remembered";
        }

        if (offset is not null)
        {
            if (Math.Abs(offset.Value) > MaxOffset)
            {
                return "the clocks of log and trace differ by too much to be followed";
            }

            sighting.Nanoseconds = time;
            sighting.State = window.States.Last(state => state.Nanoseconds <= time).State;
            sighting.IsBeforeMappings = time < trace.FirstMapping;
            return null;
        }

        if (window.States.Count > 1)
        {
            return "by how much the clocks of log and trace differ cannot be told, and its page was mapped or unmapped within two seconds of the "
                + "time it has";
        }

        sighting.State = window.States[0].State;
        sighting.IsBeforeMappings = time + MaxOffset < trace.FirstMapping;
        return null;
    }

    private sealed class Window(LoggedFault fault)
    {
        public LoggedFault Fault { get; } = fault;

        public List<(long Nanoseconds, PageState State)> States { get; } = [];

        public bool HasTooMany { get; set; }
    }
}
