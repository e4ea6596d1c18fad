using System.Numerics;
using IommuKit.Specs.PageTables;

namespace IommuKit.Specs.Tests.PageTables;

/// <summary>Questions about a format that tests ask.</summary>
internal static class FormatProbe
{
    /// <summary>Level and index bits of a root, or null if there is none.</summary>
    public static (int Level, int IndexBits)? Root<TFormat>(int inputBits)
        where TFormat : struct, IPageTableFormat =>
        TFormat.TryGetRoot(inputBits, out int level, out int indexBits) ? (level, indexBits) : null;

    /// <summary>Every page size, and the level whose tables hold it: the highest whose entries are not larger.</summary>
    public static IEnumerable<(int SizeLog2, int Level)> Leaves<TFormat>()
        where TFormat : struct, IPageTableFormat
    {
        for (ulong sizes = TFormat.PageSizes; sizes != 0; sizes &= sizes - 1)
        {
            int size = BitOperations.TrailingZeroCount(sizes);
            int level = Enumerable.Range(0, TFormat.TopLevel + 1).Last(level => TFormat.EntryShift(level) <= size);
            yield return (size, level);
        }
    }

    /// <summary>A leaf that maps one page.</summary>
    public static ulong Leaf<TFormat>(ulong address, Protection protection, int sizeLog2)
        where TFormat : struct, IPageTableFormat
    {
        int level = Leaves<TFormat>().Single(leaf => leaf.SizeLog2 == sizeLog2).Level;
        return TFormat.LeafEntry(address, TFormat.LeafAttributes(protection), level, sizeLog2);
    }
}
