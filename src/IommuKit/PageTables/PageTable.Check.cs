using System.Numerics;

namespace IommuKit.PageTables;

/// <content>What a map finds out before it stores anything.</content>
public sealed partial class PageTable<TFormat>
{
    /// <summary>Finds out whatever can fail: what is mapped already, and how many tables are missing.</summary>
    private IommuError CheckRange(ulong iova, ReadOnlySpan<PhysicalRange> ranges, ulong pageSizes, ulong size, out long missing)
    {
        missing = 0;

        // After Dispose there must be no reservation, because nobody would give it back.
        _ = ref RootTable();

        // With one page size the physical side does not matter, and the check is one run.
        var whole = new PhysicalRange(0, size);
        var probe = BitOperations.IsPow2(pageSizes)
            ? new MapCursor(new ReadOnlySpan<PhysicalRange>(in whole), iova, pageSizes, joinsRanges: false)
            : new MapCursor(ranges, iova, pageSizes, joinsRanges: true);
        return CheckTable(_root, _rootLevel, ref probe, ref missing);
    }

    /// <summary>Finds what is mapped already in the part of the range under one table, and counts the tables that are missing.</summary>
    /// <param name="table">The table, or <see cref="NoTable"/>.</param>
    /// <param name="level">Its level.</param>
    /// <param name="cursor">Where the check is; moved to the end of the range or of the table.</param>
    /// <param name="missing">Raised by the tables that a map needs.</param>
    private IommuError CheckTable(ulong table, int level, ref MapCursor cursor, ref long missing)
    {
        ulong last = LastUnder(cursor.Iova, level);
        do
        {
            int index = IndexOf(cursor.Iova, level);
            if (LevelOf(cursor.PageLog2) == level)
            {
                ulong pages = Math.Min(cursor.Pages, ((last - cursor.Iova) >> cursor.PageLog2) + 1);
                if (table != NoTable && !CanStoreLeaves(table, level, index, EntriesIn(pages, cursor.PageLog2, level)))
                {
                    return IommuError.EEXIST;
                }

                cursor.Advance(pages);
                continue;
            }

            ulong child = NoTable;
            ulong entry = table == NoTable ? 0 : Entries<TFormat>.Load(ref TableAt(table, level), index);
            if (entry == 0)
            {
                // No use in counting on what cannot be had.
                if (++missing > _allocator.Capacity(TableLog2))
                {
                    return IommuError.ENOMEM;
                }
            }
            else if (TFormat.IsTable(entry, level))
            {
                child = TFormat.TableAddress(entry);
            }
            else
            {
                return IommuError.EEXIST;
            }

            var error = CheckTable(child, level - 1, ref cursor, ref missing);
            if (error != IommuError.None)
            {
                return error;
            }
        }
        while (cursor.IsBefore(last));

        return IommuError.None;
    }

    /// <summary>Whether entries are vacant, or point to tables that hold nothing and can make way for a leaf.</summary>
    private bool CanStoreLeaves(ulong table, int level, int index, int count)
    {
        ref byte entries = ref TableAt(table, level);
        int vacant = Entries<TFormat>.VacantRun(ref entries, index, count);
        if (level == 0)
        {
            return vacant == count;
        }

        for (int i = vacant; i < count; i++)
        {
            ulong entry = Entries<TFormat>.Load(ref entries, index + i);
            if (entry != 0 && !(TFormat.IsTable(entry, level) && HoldsNothing(TFormat.TableAddress(entry), level - 1)))
            {
                return false;
            }
        }

        return true;
    }

    private bool HoldsNothing(ulong table, int level) => CanStoreLeaves(table, level, 0, EntryCount(level));
}
