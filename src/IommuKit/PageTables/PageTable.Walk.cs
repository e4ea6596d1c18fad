using System.Runtime.CompilerServices;
using IommuKit.Specs.Memory;

namespace IommuKit.PageTables;

/// <content>
/// The way from the root down. The levels are written out instead of looped over: with a constant level every shift, mask and test
/// is a constant, and levels that the format does not have compile to nothing. The view of memory is made once, because a field would be read
/// anew after each entry, which another thread may change.
/// </content>
public sealed partial class PageTable<TFormat>
{
    /// <summary>Goes down to the table of a level that translates an IOVA.</summary>
    /// <param name="iova">An IOVA inside the table's range.</param>
    /// <param name="target">The level to reach.</param>
    /// <returns>The table, or <see cref="NoTable"/> if there is none or the pointer to it is not known to be visible to the walker.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong DescendTo(ulong iova, int target)
    {
        int rootLevel = _rootLevel;
        ulong table = _root;
        if (rootLevel == target)
        {
            return table;
        }

        ulong visible = _visibleBit;
        var tables = Tables();
        ulong entry = RootEntry(iova);
        if (TFormat.TopLevel >= 5 && rootLevel >= 5 && IsAtEnd(iova, 5, target, visible, tables, ref entry, ref table))
        {
            return table;
        }

        if (TFormat.TopLevel >= 4 && rootLevel >= 4 && IsAtEnd(iova, 4, target, visible, tables, ref entry, ref table))
        {
            return table;
        }

        if (TFormat.TopLevel >= 3 && rootLevel >= 3 && IsAtEnd(iova, 3, target, visible, tables, ref entry, ref table))
        {
            return table;
        }

        if (TFormat.TopLevel >= 2 && rootLevel >= 2 && IsAtEnd(iova, 2, target, visible, tables, ref entry, ref table))
        {
            return table;
        }

        return IsUsable(entry, 1, visible) ? TFormat.TableAddress(entry) : NoTable;
    }

    /// <summary>Follows the entry of one level to the next.</summary>
    /// <returns>True if that is the target, or if the way ends here.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsAtEnd(
        ulong iova, int level, int target, ulong visible, HostBlocks tables, ref ulong entry, ref ulong table)
    {
        if (!IsUsable(entry, level, visible))
        {
            table = NoTable;
            return true;
        }

        table = TFormat.TableAddress(entry);
        if (level - 1 == target)
        {
            return true;
        }

        if (!tables.Contains(table))
        {
            ThrowOutside(table);
        }

        entry = Entries<TFormat>.Load(ref tables.AtContained(table), IndexBelowRoot(iova, level - 1));
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsUsable(ulong entry, int level, ulong visible) => TFormat.IsTable(entry, level) && (entry & visible) == visible;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong RootEntry(ulong iova) => Entries<TFormat>.Load(ref RootTable(), (int)(iova >> _rootShift) & _rootIndexMask);

    /// <summary>Finds the entry that ends the walk of an IOVA: a leaf, or a vacant entry.</summary>
    /// <param name="iova">An IOVA inside the table's range.</param>
    /// <param name="level">The level of the entry, or -1 if the walk met a pointer out of memory.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong FinalEntry(ulong iova, out int level)
    {
        level = _rootLevel;
        var tables = Tables();
        ulong entry = RootEntry(iova);
        if (TFormat.TopLevel >= 5 && level == 5 && !TryFollow(iova, tables, ref level, 5, ref entry))
        {
            return entry;
        }

        if (TFormat.TopLevel >= 4 && level == 4 && !TryFollow(iova, tables, ref level, 4, ref entry))
        {
            return entry;
        }

        if (TFormat.TopLevel >= 3 && level == 3 && !TryFollow(iova, tables, ref level, 3, ref entry))
        {
            return entry;
        }

        if (TFormat.TopLevel >= 2 && level == 2 && !TryFollow(iova, tables, ref level, 2, ref entry))
        {
            return entry;
        }

        TryFollow(iova, tables, ref level, 1, ref entry);
        return entry;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryFollow(ulong iova, HostBlocks tables, ref int level, int from, ref ulong entry)
    {
        if (!TFormat.IsTable(entry, from))
        {
            return false;
        }

        ulong table = TFormat.TableAddress(entry);
        if (!tables.Contains(table))
        {
            level = -1;
            return false;
        }

        entry = Entries<TFormat>.Load(ref tables.AtContained(table), IndexBelowRoot(iova, from - 1));
        level = from - 1;
        return true;
    }
}
