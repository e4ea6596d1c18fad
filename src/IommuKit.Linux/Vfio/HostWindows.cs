namespace IommuKit.Linux.Vfio;

/// <summary>What can be mapped in an address space.</summary>
/// <param name="PageSizes">A bit for each size.</param>
/// <param name="Ranges">The IOVAs, first and last of each, in order.</param>
internal sealed record HostWindows(ulong PageSizes, IReadOnlyList<(ulong First, ulong Last)> Ranges)
{
    /// <summary>The last IOVA of all.</summary>
    public ulong Last => Ranges.Count == 0 ? 0 : Ranges.Max(range => range.Last);

    /// <summary>The gaps between the windows, from 0 on.</summary>
    public IReadOnlyList<(ulong First, ulong Last)> Gaps()
    {
        var gaps = new List<(ulong First, ulong Last)>();
        ulong next = 0;
        foreach (var (first, last) in Ranges.OrderBy(range => range.First))
        {
            if (first > next)
            {
                gaps.Add((next, first - 1));
            }

            next = Math.Max(next, last == ulong.MaxValue ? last : last + 1);
        }

        return gaps;
    }

    /// <summary>Whether a range lies in one window.</summary>
    public bool Contains(ulong first, ulong last) => Ranges.Any(range => range.First <= first && last <= range.Last);
}
