using IommuKit.Domains;

namespace IommuKit.PageTables;

/// <summary>Checks of a scatter list before anything is written.</summary>
internal static class PhysicalRanges
{
    /// <summary>Checks that every physically contiguous piece is made of whole granules and inside the address width.</summary>
    /// <param name="ranges">The list; ranges of length 0 are passed over.</param>
    /// <param name="granuleMask">Smallest page size minus 1.</param>
    /// <param name="lastAddress">The last physical address there is.</param>
    /// <param name="total">Bytes in all.</param>
    public static IommuError Check(ReadOnlySpan<PhysicalRange> ranges, ulong granuleMask, ulong lastAddress, out ulong total)
    {
        total = 0;
        ulong edges = 0;
        ulong next = 0;
        foreach (ref readonly var range in ranges)
        {
            if (range.Length == 0)
            {
                continue;
            }

            if (range.Address > lastAddress || range.Length - 1 > lastAddress - range.Address)
            {
                return IommuError.ERANGE;
            }

            if (total > ulong.MaxValue - range.Length)
            {
                return IommuError.EOVERFLOW;
            }

            if (total == 0)
            {
                edges = range.Address;
            }
            else if (range.Address != next)
            {
                edges |= next | range.Address;
            }

            next = range.Address + range.Length;
            total += range.Length;
        }

        edges |= next;
        return total == 0 || (edges & granuleMask) != 0 ? IommuError.EINVAL : IommuError.None;
    }
}
