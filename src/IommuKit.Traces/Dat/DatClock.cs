namespace IommuKit.Traces.Dat;

/// <summary>Makes nanoseconds of the times of a trace.dat, by the clock that it was recorded with (tracefs, trace_clock).</summary>
internal readonly struct DatClock
{
    private readonly bool _isNanoseconds;
    private readonly TscConversion? _tsc;

    /// <summary>Chooses by name.</summary>
    /// <param name="name">The clock; empty, as in old files, is the kernel's own choice, local.</param>
    /// <param name="tsc">How time-stamp counters are converted; null if that is not known.</param>
    public DatClock(string name, TscConversion? tsc)
    {
        _isNanoseconds = name is "" or "local" or "global" or "perf" or "mono" or "mono_raw" or "boot" or "tai";
        _tsc = name is "x86-tsc" or "tsc2nsec" ? tsc : null;
    }

    /// <summary>
    /// The time in nanoseconds; -1 where the clock counts something else (counter, uptime, a time-stamp counter of unknown frequency).
    /// </summary>
    public long Nanoseconds(ulong time)
    {
        ulong nanoseconds = _tsc?.Nanoseconds(time) ?? time;
        return (_isNanoseconds || _tsc is not null) && nanoseconds <= long.MaxValue ? (long)nanoseconds : -1;
    }
}
