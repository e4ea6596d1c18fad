namespace IommuKit.Analysis.Verdict;

/// <summary>
/// The most time that flushes took within any second. The second slides by hundredths, so that what lies across the end of one may count with up to a
/// hundredth less.
/// </summary>
internal sealed class BusiestSecond
{
    /// <summary>Nanoseconds in it.</summary>
    public const long Length = 1_000_000_000;

    private const int Parts = 100;
    private const long Width = Length / Parts;

    private readonly long[] _parts = new long[Parts];
    private long _newest = -1;
    private long _sum;

    /// <summary>Nanoseconds of flushes in the second that has the most.</summary>
    public long Most { get; private set; }

    /// <summary>Adds a flush.</summary>
    /// <param name="start">When it started: 0 or more, and seldom before the one that was added last.</param>
    /// <param name="took">How long it took.</param>
    public void Add(long start, long took)
    {
        long part = start / Width;
        if (part > _newest)
        {
            Advance(part);
        }

        if (part > _newest - Parts)
        {
            _parts[part % Parts] += took;
            _sum += took;
            Most = Math.Max(Most, _sum);
        }
    }

    private void Advance(long part)
    {
        if (_newest < 0 || part - _newest >= Parts)
        {
            Array.Clear(_parts);
            _sum = 0;
        }
        else
        {
            for (long next = _newest + 1; next <= part; next++)
            {
                _sum -= _parts[next % Parts];
                _parts[next % Parts] = 0;
            }
        }

        _newest = part;
    }
}
