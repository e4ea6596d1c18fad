namespace IommuKit.Analysis.Calibration.Gaps;

/// <summary>Gaps in nanoseconds, of which any number can come: it keeps a sample in which each has the same chance to be.</summary>
internal sealed class GapSample
{
    /// <summary>How many are kept. With more, intervals would only get narrower than what they leave out.</summary>
    public const int Most = 4096;

    private readonly List<long> _kept = [];

    // For each sample the same numbers, so that a trace has one result.
    private readonly Random _random = new(1);

    /// <summary>How many came.</summary>
    public long Count { get; private set; }

    /// <summary>Takes one.</summary>
    public void Add(long nanoseconds)
    {
        Count++;
        if (_kept.Count < Most)
        {
            _kept.Add(nanoseconds);
        }
        else if (_random.NextInt64(Count) is < Most and var place)
        {
            _kept[(int)place] = nanoseconds;
        }
    }

    /// <summary>Those that were kept, in order.</summary>
    public long[] Sorted() => [.. _kept.Order()];
}
