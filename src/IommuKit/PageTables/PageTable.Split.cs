namespace IommuKit.PageTables;

/// <content>Splitting a large page of which only a part is to be unmapped, where that was asked for.</content>
public sealed partial class PageTable<TFormat>
{
    /// <summary>
    /// Takes the tables that an unmap needs to split the pages at its two ends, before it stores anything. Only
    /// the ends of a range can lie inside a page.
    /// </summary>
    private bool TryReserveSplits(ulong iova, ulong last, ref TableList reserved)
    {
        int count = 0;
        int startLevel = LevelToSplit(iova);
        int endLevel = LevelToSplit(last + 1);
        for (int level = 1; level <= Math.Max(startLevel, endLevel); level++)
        {
            int shift = Layout<TFormat>.Shift(level);
            ulong mask = (1ul << shift) - 1;
            bool splitsStart = level <= startLevel && (iova & mask) != 0;
            bool splitsEnd = level <= endLevel && ((last + 1) & mask) != 0;
            bool isSameEntry = iova >> shift == last >> shift;
            count += splitsStart && splitsEnd && isSameEntry ? 1 : (splitsStart ? 1 : 0) + (splitsEnd ? 1 : 0);
        }

        return count == 0 || _allocator.TryReserve(TableLog2, count, ref reserved);
    }

    /// <summary>The level of the page that a boundary lies in; 0 if it lies in none that needs a table to be split.</summary>
    private int LevelToSplit(ulong boundary)
    {
        if (!IsInside(boundary, boundary))
        {
            return 0;
        }

        ulong entry = FinalEntry(boundary, out int level);
        return entry == 0 ? 0 : level;
    }

    /// <summary>Makes smaller pages of one page, with the same meaning, and goes on unmapping.</summary>
    private bool SplitPage<TSink>(ulong table, int level, int index, ulong entry, ref UnmapPosition position, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        int shift = Layout<TFormat>.Shift(level);
        int pageLog2 = PageLog2Of(entry, level);
        ulong start = position.Iova & ~((1ul << pageLog2) - 1);
        ulong attributes = AttributesOf(TFormat.LeafProtection(entry, level));
        if (pageLog2 != shift)
        {
            SplitGroup(table, level, index & -(1 << (pageLog2 - shift)), pageLog2, start, attributes, ref sink);
        }
        else
        {
            SplitEntry(table, level, index, start, attributes, ref position.Reserved, ref sink);
        }

        entry = Entries<TFormat>.Load(ref TableAt(table, level), index);
        return level != 0 && TFormat.IsTable(entry, level)
            ? ClearBelow(table, level, index, entry, ref position, ref sink)
            : ClearLeaves(table, level, index, entry, LastUnder(position.Iova, level), ref position, ref sink);
    }

    /// <summary>Makes single entries of a group.</summary>
    private void SplitGroup<TSink>(ulong table, int level, int first, int pageLog2, ulong start, ulong attributes, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        int shift = Layout<TFormat>.Shift(level);
        int count = 1 << (pageLog2 - shift);
        ref byte entries = ref TableAt(table, level);
        ulong address = TFormat.LeafAddress(Entries<TFormat>.Load(ref entries, first), level);
        if (TFormat.NeedsBreakBeforeMake)
        {
            Entries<TFormat>.Clear(ref entries, first, count);
            sink.EntriesStored(RunAt(table, first, count, level, start, EntryChange.LeafCleared));
            sink.Synchronise();
        }

        StoreLeaves(ref entries, first, level, address, shift, (ulong)count, attributes);
        var change = TFormat.NeedsBreakBeforeMake ? EntryChange.LeafWritten : EntryChange.LeafReplaced;
        sink.EntriesStored(RunAt(table, first, count, level, start, change));
    }

    /// <summary>Puts a table of smaller pages in the place of a leaf.</summary>
    private void SplitEntry<TSink>(
        ulong table, int level, int index, ulong start, ulong attributes, ref TableList reserved, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        ulong child = _allocator.Take(TableLog2, ref reserved);
        ref byte entries = ref TableAt(table, level);
        ulong address = TFormat.LeafAddress(Entries<TFormat>.Load(ref entries, index), level);
        int count = EntryCount(level - 1);
        StoreLeaves(ref TableAt(child, level - 1), 0, level - 1, address, Layout<TFormat>.Shift(level - 1), (ulong)count, attributes);
        sink.EntriesStored(RunAt(child, 0, count, level - 1, start, EntryChange.NewTableWritten));
        sink.TableFilled(child, TableBytes);
        if (TFormat.NeedsBreakBeforeMake)
        {
            // Devices fault on the whole page between the two stores: the architecture's price for changing a page's size.
            Entries<TFormat>.Store(ref entries, index, 0);
            sink.EntriesStored(RunAt(table, index, 1, level, start, EntryChange.LeafCleared));
            sink.Synchronise();
        }

        Entries<TFormat>.Store(ref entries, index, TFormat.TableEntry(child, level));
        var change = TFormat.NeedsBreakBeforeMake ? EntryChange.TableLinked : EntryChange.LeafReplaced;
        sink.EntriesStored(RunAt(table, index, 1, level, start, change));
    }
}
