
namespace IommuKit.PageTables;

/// <summary>What the checks of a scatter list find out about it.</summary>
internal readonly ref struct PhysicalRanges
{
    public PhysicalRanges(ulong total, bool hasLongPiece, bool areWholeGranules)
    {
        Total = total;
        HasLongPiece = hasLongPiece;
        AreWholeGranules = areWholeGranules;
    }

    /// <summary>Bytes in all.</summary>
    public ulong Total { get; }

    /// <summary>Whether some piece, neighbours that follow each other physically counted as one, is as long as the next larger page.</summary>
    public bool HasLongPiece { get; }

    /// <summary>Whether every single range is made of whole granules, and not only when neighbours are joined.</summary>
    public bool AreWholeGranules { get; }

    /// <summary>Checks that every piece is made of whole granules and inside the address width.</summary>
    /// <param name="ranges">The list; ranges of length 0 are passed over.</param>
    /// <param name="granuleMask">Smallest page size minus 1.</param>
    /// <param name="lastAddress">The last physical address there is.</param>
    /// <param name="larger">The next larger page size, or 0.</param>
    /// <param name="found">What was found out.</param>
    public static IommuError Check(
        ReadOnlySpan<PhysicalRange> ranges, ulong granuleMask, ulong lastAddress, ulong larger, out PhysicalRanges found)
    {
        if (!ranges.IsEmpty && ScatteredPages.AreAll(ranges, granuleMask + 1, lastAddress, larger))
        {
            found = new PhysicalRanges((granuleMask + 1) * (ulong)(uint)ranges.Length, hasLongPiece: false, areWholeGranules: true);
            return IommuError.None;
        }

        found = default;
        ulong total = 0;
        ulong start = 0;
        ulong next = 0;
        ulong longest = 0;
        ulong edges = 0;
        ulong pieces = 0;
        foreach (ref readonly var range in ranges)
        {
            if (range.Length == 0)
            {
                continue;
            }

            if (range.Address > lastAddress || range.Length - 1 > lastAddress - range.Address)
            {
                return range.Length - 1 > ulong.MaxValue - range.Address ? IommuError.EOVERFLOW : IommuError.ERANGE;
            }

            if (total > ulong.MaxValue - range.Length)
            {
                return IommuError.EOVERFLOW;
            }

            // What begins at 0 follows nothing: neither what ends at the last number nor, for the first range, no range.
            if (range.Address != next || next == 0)
            {
                edges |= next | range.Address;
                longest = Math.Max(longest, next - start);
                start = range.Address;
            }

            next = range.Address + range.Length;
            pieces |= range.Address | range.Length;
            total += range.Length;
        }

        edges |= next;
        if (total == 0 || (edges & granuleMask) != 0)
        {
            return IommuError.EINVAL;
        }

        longest = Math.Max(longest, next - start);
        found = new PhysicalRanges(total, larger != 0 && longest >= larger, (pieces & granuleMask) == 0);
        return IommuError.None;
    }
}
