namespace IommuKit.Checker.Scenarios;

/// <summary>
/// What of a domain is mapped, as far as its callers can know: what an unmap may take away, and has to, does not depend on what it says that it took.
/// </summary>
internal sealed class MappedRanges
{
    // With both ends; in no order, and they may touch.
    private readonly List<(ulong First, ulong Last)> _ranges = [];

    /// <summary>Adds a range of which nothing was mapped.</summary>
    public void Add(ulong first, ulong last) => _ranges.Add((first, last));

    /// <summary>Removes a range, and whatever of it was mapped.</summary>
    public void Remove(ulong first, ulong last)
    {
        for (int i = _ranges.Count - 1; i >= 0; i--)
        {
            var range = _ranges[i];
            if (range.Last < first || range.First > last)
            {
                continue;
            }

            _ranges.RemoveAt(i);
            if (range.First < first)
            {
                _ranges.Add((range.First, first - 1));
            }

            if (range.Last > last)
            {
                _ranges.Add((last + 1, range.Last));
            }
        }
    }

    /// <summary>How many bytes from an IOVA on are mapped without a hole, at most up to another.</summary>
    public ulong BytesFrom(ulong first, ulong last)
    {
        ulong next = first;
        while (next <= last && _ranges.FindIndex(range => range.First <= next && next <= range.Last) is >= 0 and int at)
        {
            if (_ranges[at].Last >= last)
            {
                return last - first + 1;
            }

            next = _ranges[at].Last + 1;
        }

        return next - first;
    }
}
