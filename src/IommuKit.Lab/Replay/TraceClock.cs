namespace IommuKit.Lab.Replay;

/// <summary>A clock that shows the time of the trace. Its timers fire when <see cref="AdvanceTo"/> passes them, on the thread that calls it.</summary>
/// <param name="fired">Told after each timer, at the time when it was due.</param>
internal sealed class TraceClock(Action fired) : TimeProvider
{
    private readonly List<TraceTimer> _timers = [];

    /// <summary>Nanoseconds, as the trace has them.</summary>
    public long Now { get; private set; }

    /// <inheritdoc/>
    public override long TimestampFrequency => 1_000_000_000;

    /// <summary>Goes on to a time, and does on the way what is due. Time does not go back.</summary>
    public void AdvanceTo(long time)
    {
        while (NextDue(time) is { } timer)
        {
            Now = Math.Max(Now, timer.Due);
            timer.Fire();
            fired();
        }

        Now = Math.Max(Now, time);
    }

    /// <inheritdoc/>
    public override long GetTimestamp() => Now;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (period != Timeout.InfiniteTimeSpan)
        {
            throw new NotSupportedException("A timer of a trace fires once.");
        }

        var timer = new TraceTimer(this, callback, state);
        timer.Change(dueTime, period);
        _timers.Add(timer);
        return timer;
    }

    private TraceTimer? NextDue(long time)
    {
        TraceTimer? next = null;
        foreach (var timer in _timers)
        {
            if (timer.Due <= time && (next is null || timer.Due < next.Due))
            {
                next = timer;
            }
        }

        return next;
    }

    private sealed class TraceTimer(TraceClock clock, TimerCallback callback, object? state) : ITimer
    {
        public long Due { get; private set; } = long.MaxValue;

        public void Fire()
        {
            Due = long.MaxValue;
            callback(state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Due = dueTime == Timeout.InfiniteTimeSpan ? long.MaxValue : clock.Now + (dueTime.Ticks * 100);
            return true;
        }

        public void Dispose() => clock._timers.Remove(this);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
