namespace IommuKit.Lab.Inspect;

/// <summary>Ranges of memory that may overlap, to be found by any range.</summary>
internal sealed class RangeIndex
{
    private readonly InspectRange[] _ranges;
    private readonly ulong[] _firsts;
    private readonly ulong[] _lasts;
    private readonly ulong _longest;

    /// <summary>Indexes ranges.</summary>
    /// <param name="ranges">The ranges; those that are equal count as one.</param>
    public RangeIndex(IEnumerable<InspectRange> ranges)
    {
        _ranges = [.. ranges.Distinct().OrderBy(range => range.First)];
        _firsts = [.. _ranges.Select(range => range.First)];
        _lasts = [.. _ranges.Select(range => range.Last).Order()];
        _longest = _ranges.Length == 0 ? 0 : _ranges.Max(range => range.Last - range.First);
    }

    /// <summary>How many of the ranges have some of the same memory.</summary>
    public int Count(ulong first, ulong last)
    {
        // All that begin in time, but for those that end too early.
        int begun = last == ulong.MaxValue ? _firsts.Length : Below(_firsts, last + 1);
        return begun - Below(_lasts, first);
    }

    /// <summary>The ranges that have some of the same memory, by where they begin.</summary>
    public IEnumerable<InspectRange> Find(ulong first, ulong last)
    {
        // Nothing that begins earlier than the longest range before it can reach it.
        for (int at = Below(_firsts, first > _longest ? first - _longest : 0); at < _ranges.Length && _firsts[at] <= last; at++)
        {
            if (_ranges[at].Overlaps(first, last))
            {
                yield return _ranges[at];
            }
        }
    }

    /// <summary>How many numbers are less than one.</summary>
    private static int Below(ulong[] sorted, ulong value)
    {
        int low = 0;
        for (int high = sorted.Length; low < high;)
        {
            int middle = (low + high) / 2;
            (low, high) = sorted[middle] < value ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
