using System.Numerics;
using System.Runtime.CompilerServices;

namespace IommuKit.PageTables;

/// <summary>The page-size rule of the Linux IOMMU core (iommu_pgsize, since 5.15): which page size comes next, and how many of it.</summary>
public static class PageSizes
{
    /// <summary>
    /// Chooses the largest page size that fits, and how many pages of it to map before a larger size becomes possible.
    /// </summary>
    /// <param name="bitmap">Supported sizes: bit n set means pages of 2^n bytes.</param>
    /// <param name="iova">First IOVA, aligned to the smallest size.</param>
    /// <param name="physicalAddress">First physical address, aligned to the smallest size.</param>
    /// <param name="size">Bytes left, a multiple of the smallest size and not 0.</param>
    /// <param name="count">How many pages of the returned size, at least 1.</param>
    /// <returns>Log2 of the page size.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Select(ulong bitmap, ulong iova, ulong physicalAddress, ulong size, out ulong count)
    {
        int sizeLimit = BitOperations.Log2(size);

        // TrailingZeroCount(0) is 64: address 0 does not limit the size.
        int alignLimit = BitOperations.TrailingZeroCount(iova | physicalAddress);
        int limit = Math.Min(sizeLimit, alignLimit);
        int pageLog2 = BitOperations.Log2(bitmap & (ulong.MaxValue >> (63 - limit)));

        ulong larger = bitmap & ~(ulong.MaxValue >> (63 - pageLog2));
        if (larger != 0)
        {
            ulong next = larger & (~larger + 1);
            if (((iova ^ physicalAddress) & (next - 1)) == 0)
            {
                // Both addresses reach the boundary of the next size together: stop there if a page of that size follows.
                ulong offset = next - ((iova | physicalAddress) & (next - 1));
                if (offset <= ulong.MaxValue - next && offset + next <= size)
                {
                    size = offset;
                }
            }
        }

        count = size >> pageLog2;
        return pageLog2;
    }
}
