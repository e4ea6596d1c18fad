namespace IommuKit.Analysis.Verdict;

/// <summary>
/// Unmaps and flushes over the time of a trace, in at most <see cref="MaxBins"/> intervals of equal length: as the trace grows longer, every two become one.
/// </summary>
public sealed class FlushSeries
{
    /// <summary>The most intervals that are kept.</summary>
    public const int MaxBins = 256;

    // A microsecond or so, finer than which clocks of traces are not.
    private const int FirstShift = 10;

    private readonly FlushBin[] _bins = new FlushBin[MaxBins];
    private int _shift = FirstShift;
    private long _lastNoted;
    private bool _isLost;

    /// <summary>When the first interval starts, in nanoseconds of the trace's clock: at the first event; negative if there was none with a time.</summary>
    public long Start { get; private set; } = -1;

    /// <summary>The length of an interval, in nanoseconds: a power of two.</summary>
    public long Width => 1L << _shift;

    /// <summary>Intervals from the first event to the last.</summary>
    public int Count { get; private set; }

    /// <summary>The intervals, those in which nothing happened too.</summary>
    public ReadOnlySpan<FlushBin> Bins => _bins.AsSpan(0, Count);

    /// <summary>Notes that there was an event.</summary>
    /// <param name="nanoseconds">Its time, 0 or more; what is before the first event counts as at it.</param>
    internal void Note(long nanoseconds)
    {
        int last = IndexOf(nanoseconds);
        if (_isLost)
        {
            // They were lost between the event before and this one.
            for (int i = Math.Min(last, IndexOf(_lastNoted)); i <= last; i++)
            {
                _bins[i] = _bins[i] with { HasLoss = true };
            }

            _isLost = false;
        }

        _lastNoted = nanoseconds;
    }

    /// <summary>Notes that events were lost.</summary>
    internal void Lost() => _isLost = Start >= 0;

    /// <summary>Notes an unmap of something.</summary>
    /// <param name="nanoseconds">Its time, 0 or more.</param>
    internal void Unmapped(long nanoseconds)
    {
        ref var bin = ref _bins[IndexOf(nanoseconds)];
        bin = bin with { Unmaps = bin.Unmaps + 1 };
    }

    /// <summary>Notes a flush.</summary>
    /// <param name="nanoseconds">When it started, 0 or more.</param>
    /// <param name="took">How long it took at most, in nanoseconds.</param>
    internal void Flushed(long nanoseconds, long took)
    {
        ref var bin = ref _bins[IndexOf(nanoseconds)];
        bin = bin.With(new FlushBin(0, 1, took, took));
    }

    private int IndexOf(long nanoseconds)
    {
        if (Start < 0)
        {
            Start = nanoseconds;
        }

        long elapsed = Math.Max(0, nanoseconds - Start);
        while (elapsed >> _shift >= MaxBins)
        {
            Halve();
        }

        int index = (int)(elapsed >> _shift);
        Count = Math.Max(Count, index + 1);
        return index;
    }

    private void Halve()
    {
        for (int i = 0; i < MaxBins / 2; i++)
        {
            _bins[i] = _bins[2 * i].With(_bins[(2 * i) + 1]);
        }

        _bins.AsSpan(MaxBins / 2).Clear();
        _shift++;
        Count = (Count + 1) / 2;
    }
}
