using System.Runtime.CompilerServices;

namespace IommuKit.PageTables;

/// <content>The stores of a map that may cross tables, change page sizes and add tables.</content>
public sealed partial class PageTable<TFormat>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int EntriesIn(ulong pages, int pageLog2, int level) => (int)(pages << (pageLog2 - Layout<TFormat>.Shift(level)));

    /// <summary>Stores pages of one size that follow each other in one table.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLeaves(ref byte entries, int index, int level, ulong address, int pageLog2, ulong pages, ulong attributes)
    {
        ulong first = TFormat.LeafEntry(address, attributes, level, pageLog2);
        int perPage = TFormat.HasGroups ? EntriesIn(1, pageLog2, level) : 1;
        if (pages == 1 && perPage == 1)
        {
            Entries<TFormat>.Store(ref entries, index, first);
            return;
        }

        ulong step = TFormat.LeafStep(level);
        if (!TFormat.HasGroups || !TFormat.GroupsRepeatOneEntry || perPage == 1)
        {
            Entries<TFormat>.Fill(ref entries, index, (int)pages * perPage, first, step);
            return;
        }

        for (; pages != 0; pages--, index += perPage, first += step * (uint)perPage)
        {
            Entries<TFormat>.Fill(ref entries, index, perPage, first, 0);
        }
    }

    /// <summary>Stores the part of the range under one table.</summary>
    private void FillTable<TSink>(
        ulong table, int level, bool isLinked, ulong attributes, ref MapCursor cursor, ref TableList reserved, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        ref byte entries = ref TableAt(table, level);
        ulong last = LastUnder(cursor.Iova, level);
        do
        {
            if (LevelOf(cursor.PageLog2) == level)
            {
                FillLeaves(table, level, isLinked, attributes, last, ref cursor, ref sink);
                continue;
            }

            int index = IndexOf(cursor.Iova, level);
            ulong entry = Entries<TFormat>.Load(ref entries, index);
            if (entry == 0)
            {
                AddTable(table, level, isLinked, attributes, ref cursor, ref reserved, ref sink);
            }
            else
            {
                NoteInvisible(table, level, index, entry, cursor.Iova, ref sink);
                FillTable(TableIn(entry, level), level - 1, isLinked, attributes, ref cursor, ref reserved, ref sink);
            }
        }
        while (cursor.IsBefore(last));
    }

    /// <summary>
    /// Stores leaves up to the end of the table, or of the pages that belong at its level, and reports them as one run; with a sink that
    /// works page by page, one page.
    /// </summary>
    private void FillLeaves<TSink>(
        ulong table, int level, bool isLinked, ulong attributes, ulong last, ref MapCursor cursor, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        ref byte entries = ref TableAt(table, level);
        ulong iova = cursor.Iova;
        int first = IndexOf(iova, level);
        int next = first;
        if (!IsPageByPage<TSink>() && level == 0 && cursor.TakesRangesSingly && IsOneEntry(cursor.PageLog2))
        {
            int limit = first + (int)((last - iova) >> Layout<TFormat>.PageShift) + 1;
            next = cursor.StorePages<TFormat>(ref entries, first, limit, attributes);
            sink.EntriesStored(RunAt(table, first, next - first, 0, iova, isLinked ? EntryChange.LeafWritten : EntryChange.NewTableWritten));
            return;
        }

        do
        {
            ulong pages = IsPageByPage<TSink>() ? 1 : Math.Min(cursor.Pages, ((last - cursor.Iova) >> cursor.PageLog2) + 1);
            pages = PagesToLinearBound(cursor.Address, cursor.PageLog2, pages);
            int count = EntriesIn(pages, cursor.PageLog2, level);
            if (level != 0)
            {
                DropEmptyTables(table, level, next, count, cursor.Iova, ref sink);
            }

            StoreLeaves(ref entries, next, level, cursor.Address, cursor.PageLog2, pages, attributes);
            next += count;
            cursor.Advance(pages);
        }
        while (!TSink.PageByPage && cursor.IsBefore(last) && LevelOf(cursor.PageLog2) == level);

        var change = isLinked ? EntryChange.LeafWritten : EntryChange.NewTableWritten;
        sink.EntriesStored(RunAt(table, first, next - first, level, iova, change));
    }

    /// <summary>Whether each page is stored by itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsPageByPage<TSink>()
        where TSink : struct, IFootprintSink => TSink.PageByPage && (!TSink.JoinsPages || TFormat.HasGroups);

    /// <summary>Whether a page of that size is one entry of level 0, whose neighbours follow by addition.</summary>
    private static bool IsOneEntry(int pageLog2) => pageLog2 == Layout<TFormat>.PageShift && Layout<TFormat>.LinearOutputBits >= 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong PagesToLinearBound(ulong address, int pageLog2, ulong pages)
    {
        if (Layout<TFormat>.LinearOutputBits >= 64)
        {
            return pages;
        }

        ulong bound = 1ul << Layout<TFormat>.LinearOutputBits;
        return Math.Min(pages, (bound - (address & (bound - 1))) >> pageLog2);
    }

    /// <summary>Makes way for leaves where unmaps have left tables without entries.</summary>
    private void DropEmptyTables<TSink>(ulong table, int level, int index, int count, ulong iova, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        ref byte entries = ref TableAt(table, level);
        for (int i = Entries<TFormat>.VacantRun(ref entries, index, count); i < count; i++)
        {
            ulong entry = Entries<TFormat>.Load(ref entries, index + i);
            if (entry != 0)
            {
                ReplaceTable(table, level, index + i, entry, iova + ((ulong)(uint)i << Layout<TFormat>.Shift(level)), ref sink);
            }
        }
    }

    /// <summary>Unlinks a table in whose place a leaf will come.</summary>
    private void ReplaceTable<TSink>(ulong table, int level, int index, ulong entry, ulong iova, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        UnlinkTable(table, level, index, entry, iova, areEntriesLeft: level > 1, ref sink);
        if (TFormat.NeedsBreakBeforeMake)
        {
            sink.Synchronise();
        }
    }

    /// <summary>Stores the part of the range under an entry that is vacant: makes its table, fills it and links it.</summary>
    private void AddTable<TSink>(
        ulong table, int level, bool isLinked, ulong attributes, ref MapCursor cursor, ref TableList reserved, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        ref byte entries = ref TableAt(table, level);
        int index = IndexOf(cursor.Iova, level);
        ulong child = _allocator.Take(TableLog2, ref reserved);
        var start = cursor;
        bool linksFirst = TSink.PageByPage && isLinked;
        if (!linksFirst)
        {
            FillTable(child, level - 1, isLinked: false, attributes, ref cursor, ref reserved, ref sink);
        }

        sink.TableFilled(child, TableBytes);

        // A pointer in a table that is not linked itself becomes visible with that table.
        ulong pointer = TFormat.TableEntry(child, level) | (isLinked ? 0 : _visibleBit);
        ulong other = Entries<TFormat>.StoreIfVacant(ref entries, index, pointer);
        if (other != 0)
        {
            // Another thread linked a table for its part of this entry in the meantime: use that one.
            TakeBack(child, level - 1, ref reserved);
            cursor = start;
            NoteInvisible(table, level, index, other, cursor.Iova, ref sink);
            FillTable(TableIn(other, level), level - 1, isLinked, attributes, ref cursor, ref reserved, ref sink);
            return;
        }

        var change = isLinked ? EntryChange.TableLinked : EntryChange.NewTableWritten;
        sink.EntriesStored(RunAt(table, index, 1, level, start.Iova, change));
        if (linksFirst)
        {
            FillTable(child, level - 1, isLinked: true, attributes, ref cursor, ref reserved, ref sink);
        }
    }

    /// <summary>
    /// Reports a pointer that another thread has linked and not yet made visible. What this thread maps behind it is out of a device's reach until
    /// it is, so this thread does the other's work too.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void NoteInvisible<TSink>(ulong table, int level, int index, ulong entry, ulong iova, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        if ((entry & _visibleBit) != _visibleBit)
        {
            sink.EntriesStored(RunAt(table, index, 1, level, iova, EntryChange.TableMet));
        }
    }

    /// <summary>Remembers that pointers to tables are visible to the walker, so that other threads may rely on them.</summary>
    /// <param name="run">Pointers whose maintenance is complete.</param>
    internal void MarkVisible(in EntryRun run)
    {
        if (_visibleBit == 0 || run.Level == 0)
        {
            return;
        }

        if (_memory.IsClosed)
        {
            return;
        }

        ref byte entries = ref _memory.At(run.EntryAddress, run.Bytes);
        for (int index = 0; index < run.Count; index++)
        {
            ulong entry = Entries<TFormat>.Load(ref entries, index);
            while (TFormat.IsTable(entry, run.Level) && (entry & _visibleBit) == 0)
            {
                ulong found = Entries<TFormat>.Exchange(ref entries, index, entry | _visibleBit, entry);
                if (found == entry)
                {
                    break;
                }

                entry = found;
            }
        }
    }

    // The check found a pointer or nothing here; what is neither was stored in the meantime.
    private static ulong TableIn(ulong entry, int level) => TFormat.IsTable(entry, level)
        ? TFormat.TableAddress(entry)
        : throw new InvalidOperationException("Maps of overlapping ranges ran in parallel; the page table is no longer sound.");

    /// <summary>Puts a table that was never linked, and those below it, back on the list they came from.</summary>
    private void TakeBack(ulong table, int level, ref TableList reserved)
    {
        if (level > 0)
        {
            ref byte entries = ref TableAt(table, level);
            for (int index = 0; index < EntryCount(level); index++)
            {
                ulong entry = Entries<TFormat>.Load(ref entries, index);
                if (TFormat.IsTable(entry, level))
                {
                    TakeBack(TFormat.TableAddress(entry), level - 1, ref reserved);
                }
            }
        }

        _allocator.Push(ref reserved, table);
    }
}
