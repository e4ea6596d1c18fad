using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace IommuKit.PageTables;

/// <content>How far entries are believed, and what happens to those that are not.</content>
public sealed partial class PageTable<TFormat>
{
    /// <summary>Log2 of the size of the page that a leaf belongs to: one entry of its level, or a group that is smaller than a table.</summary>
    /// <exception cref="InvalidOperationException">The leaf claims a size that its level cannot hold.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int PageLog2Of(ulong entry, int level)
    {
        int shift = Layout<TFormat>.Shift(level);
        if (!TFormat.HasGroups)
        {
            return shift;
        }

        int pageLog2 = TFormat.LeafSizeLog2(entry, level);
        if (pageLog2 != shift && (uint)(pageLog2 - shift) >= (uint)(level == _rootLevel ? _rootBits : Layout<TFormat>.IndexBits))
        {
            ThrowUnbelievable(entry, level, pageLog2);
        }

        return pageLog2;
    }

    private static ulong ThrowCorrupt(ulong entry) =>
        throw new InvalidOperationException($"Entry 0x{entry:x} of a page table points out of the memory for tables.");

    [DoesNotReturn]
    private static void ThrowOutside(ulong table) =>
        throw new InvalidOperationException($"A page table points to 0x{table:x}, which is outside the memory for tables.");

    [DoesNotReturn]
    private static void ThrowNotATable(ulong table) =>
        throw new InvalidOperationException($"A page table points to 0x{table:x}, which is no table of its own.");

    [DoesNotReturn]
    private static void ThrowUnbelievable(ulong entry, int level, int pageLog2) =>
        throw new InvalidOperationException($"Entry 0x{entry:x} at level {level} of a page table claims a page of 2^{pageLog2} bytes.");
}
