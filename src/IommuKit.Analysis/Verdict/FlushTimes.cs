using IommuKit.Traces;

namespace IommuKit.Analysis.Verdict;

/// <summary>
/// How long flushes took at most, by the times of a trace: from each flush to the next event of the same task on the same processor, which it can
/// only have printed after the wait.
/// </summary>
/// <remarks>
/// A task that has nothing more to print for a while leaves a gap that says nothing of the wait. So no flush counts with more than
/// <see cref="CutOff"/>; how many gaps are longer is told.
/// </remarks>
public sealed class FlushTimes
{
    /// <summary>The longest time that a flush counts with, in nanoseconds: 100 µs.</summary>
    public const long CutOff = 100_000;

    // Tasks that wait at a time; there is one on each processor, and now and then an interrupted one.
    private const int MaxOpen = 4096;
    private static readonly (long, long) None = (-1, 0);

    private readonly BusiestSecond _busiest = new();
    private readonly Dictionary<(int Cpu, long Task), (long Start, (long, long) Range, (long, long) Burst)> _open = [];

    /// <summary>The longest time that a flush counts with, in nanoseconds.</summary>
    public long MostPerFlush { get; } = CutOff;

    /// <summary>Flushes that were followed by an event of their task on their processor.</summary>
    public long Count { get; private set; }

    /// <summary>Of them, those whose gap is longer than <see cref="CutOff"/>.</summary>
    public long TooLong { get; private set; }

    /// <summary>Whether so many gaps say nothing that their sum does not either: more than one in five.</summary>
    public bool IsVague => TooLong * 5 > Count;

    /// <summary>Flushes that no event of their task on their processor followed; they are not in the sum.</summary>
    public long Open { get; private set; }

    /// <summary>
    /// The sum of all gaps, each of them at most <see cref="CutOff"/>, in nanoseconds: an upper bound of the time in flushes, if none took longer than
    /// that.
    /// </summary>
    public long Sum { get; private set; }

    /// <summary>The sum of all gaps as long as they are, in nanoseconds: an upper bound whatever flushes took, and of what else their tasks did.</summary>
    public long WholeSum { get; private set; }

    /// <summary>The same sum over the second in which it is largest, to a hundredth.</summary>
    public long SumOfBusiestSecond => _busiest.Most;

    /// <summary>The gaps, in nanoseconds, each of them at most <see cref="CutOff"/>.</summary>
    public LogHistogram Gaps { get; } = new();

    /// <summary>The same gaps over the time of the trace, with its unmaps.</summary>
    public FlushSeries Series { get; } = new();

    /// <summary>Notes an event.</summary>
    /// <param name="cpu">Its processor.</param>
    /// <param name="task">The number of its task.</param>
    /// <param name="nanoseconds">Its time.</param>
    /// <param name="isFlush">Whether it is a flush.</param>
    /// <param name="groups">What unmaps are grouped in, to know which flushes would go; or null.</param>
    internal void Note(int cpu, long task, long nanoseconds, bool isFlush, BurstFlushes? groups = null)
    {
        if (_open.Count != 0 && _open.Remove((cpu, task), out var flush))
        {
            Open--;
            long gap = Add(flush.Start, nanoseconds - flush.Start);
            groups?.ByRange.Took(flush.Range, gap);
            groups?.ByBurst.Took(flush.Burst, gap);
        }

        Series.Note(nanoseconds);
        if (isFlush)
        {
            if (_open.Count == MaxOpen)
            {
                _open.Clear();
            }

            _open[(cpu, task)] = (nanoseconds, groups?.ByRange.NoteFlush() ?? None, groups?.ByBurst.NoteFlush() ?? None);
            Open++;
        }
    }

    /// <summary>Events are missing: the next ones are not those that followed.</summary>
    internal void Break() => _open.Clear();

    private long Add(long start, long gap)
    {
        long bounded = Math.Clamp(gap, 0, CutOff);
        Count++;
        TooLong += gap > CutOff ? 1 : 0;
        Sum += bounded;
        WholeSum += Math.Max(gap, 0);
        Gaps.Add(bounded);
        Series.Flushed(start, bounded);
        _busiest.Add(start, bounded);
        return bounded;
    }
}
