using System.Numerics;
using System.Runtime.CompilerServices;
using IommuKit.Domains;
using IommuKit.Specs.PageTables;

namespace IommuKit.PageTables;

/// <content>Mapping.</content>
public sealed partial class PageTable<TFormat>
{
    /// <summary>Maps an IOVA range to physical memory.</summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="physicalAddress">What it is mapped to.</param>
    /// <param name="size">Bytes, not 0. All three must be multiples of the smallest page size.</param>
    /// <param name="protection">What devices may do.</param>
    /// <param name="sink">Receives the footprint.</param>
    /// <returns>
    /// EINVAL misaligned, empty or without rights; EOVERFLOW if a range wraps around; ERANGE beyond the input or output width;
    /// EEXIST if part of the range is mapped; ENOMEM if tables cannot be had. On an error nothing has changed.
    /// </returns>
    /// <typeparam name="TSink">The sink's type.</typeparam>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public IommuError Map<TSink>(ulong iova, ulong physicalAddress, ulong size, Protection protection, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        var range = new PhysicalRange(physicalAddress, size);
        return MapScatterGather(iova, new ReadOnlySpan<PhysicalRange>(in range), protection, ref sink, out _);
    }

    /// <summary>Maps an IOVA range to the pieces of a scatter list, one after the other, in one pass.</summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="ranges">The pieces. Those that follow each other physically are mapped as one.</param>
    /// <param name="protection">What devices may do.</param>
    /// <param name="sink">Receives the footprint.</param>
    /// <param name="size">Bytes in the list.</param>
    /// <returns>As <see cref="Map"/>.</returns>
    /// <typeparam name="TSink">The sink's type.</typeparam>
    public IommuError MapScatterGather<TSink>(
        ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection, ref TSink sink, out ulong size)
        where TSink : struct, IFootprintSink
    {
        var error = PhysicalRanges.Check(ranges, _granuleMask, _lastAddress, out var found);
        size = found.Total;
        if (error == IommuError.None)
        {
            error = CheckIova(iova, size);
        }

        if (error != IommuError.None)
        {
            return error;
        }

        if ((protection & (Protection.Read | Protection.Write)) == 0 && !TFormat.StoresNoAccess)
        {
            return IommuError.EINVAL;
        }

        ulong attributes = TFormat.LeafAttributes(protection);
        if (ranges.Length == 1 && TryMapInOneTable(iova, ranges[0], attributes, ref sink, out error))
        {
            return error;
        }

        // Lists of short pieces have only one page size to choose from.
        bool hasOneSize = found.Longest < _secondPageSize;
        ulong pageSizes = hasOneSize ? _granuleMask + 1 : _pageSizes;
        error = CheckRange(iova, ranges, pageSizes, size, out long missing);
        if (error != IommuError.None)
        {
            return error;
        }

        TableList reserved = default;
        if (missing != 0 && !_allocator.TryReserve(TableLog2, missing, ref reserved))
        {
            return IommuError.ENOMEM;
        }

        var cursor = new MapCursor(ranges, iova, pageSizes, joinsRanges: !(hasOneSize && found.AreWholeGranules));
        FillTable(_root, _rootLevel, isLinked: true, attributes, ref cursor, ref reserved, ref sink);
        _allocator.FreeAll(TableLog2, ref reserved);
        return IommuError.None;
    }

    /// <summary>Finds out whatever can fail: what is mapped already, and how many tables are missing.</summary>
    private IommuError CheckRange(ulong iova, ReadOnlySpan<PhysicalRange> ranges, ulong pageSizes, ulong size, out long missing)
    {
        missing = 0;

        // With one page size the physical side does not matter, and the check is one run.
        var whole = new PhysicalRange(0, size);
        var probe = BitOperations.IsPow2(pageSizes)
            ? new MapCursor(new ReadOnlySpan<PhysicalRange>(in whole), iova, pageSizes, joinsRanges: false)
            : new MapCursor(ranges, iova, pageSizes, joinsRanges: true);
        return CheckTable(_root, _rootLevel, ref probe, ref missing);
    }

    private static int EntriesIn(ulong pages, int pageLog2, int level) => (int)(pages << (pageLog2 - TFormat.EntryShift(level)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLeaves(ref byte entries, int index, int level, ulong address, int pageLog2, ulong pages, ulong attributes)
    {
        ulong first = TFormat.LeafEntry(address, attributes, level, pageLog2);
        if (pages == 1 && pageLog2 == TFormat.EntryShift(level))
        {
            Entries<TFormat>.Store(ref entries, index, first);
            return;
        }

        ulong step = TFormat.LeafStep(level);
        int perPage = EntriesIn(1, pageLog2, level);
        if (!TFormat.GroupsRepeatOneEntry || perPage == 1)
        {
            Entries<TFormat>.Fill(ref entries, index, (int)pages * perPage, first, step);
            return;
        }

        for (; pages != 0; pages--, index += perPage, first += step * (uint)perPage)
        {
            Entries<TFormat>.Fill(ref entries, index, perPage, first, 0);
        }
    }

    /// <summary>The common case: pages of one size, in one table that exists. False if it is not that case.</summary>
    private bool TryMapInOneTable<TSink>(ulong iova, PhysicalRange range, ulong attributes, ref TSink sink, out IommuError error)
        where TSink : struct, IFootprintSink
    {
        error = IommuError.None;
        int pageLog2 = PageSizes.Select(_pageSizes, iova, range.Address, range.Length, out ulong pages);
        int target = LevelOf(pageLog2);
        if (TSink.PageByPage || target != 0 || pages << pageLog2 != range.Length)
        {
            return false;
        }

        ulong table = _root;
        for (int level = _rootLevel; level > 0; level--)
        {
            ulong entry = Entries<TFormat>.Load(ref TableAt(table, level), IndexOf(iova, level));
            if (entry == 0 || !TFormat.IsTable(entry, level))
            {
                return false;
            }

            table = TFormat.TableAddress(entry);
        }

        int index = IndexOf(iova, 0);
        int count = (int)Math.Min(range.Length >> TFormat.EntryShift(0), int.MaxValue);
        if (count > EntryCount(0) - index)
        {
            return false;
        }

        ref byte entries = ref TableAt(table, 0);
        if (Entries<TFormat>.VacantRun(ref entries, index, count) != count)
        {
            error = IommuError.EEXIST;
            return true;
        }

        StoreLeaves(ref entries, index, 0, range.Address, pageLog2, pages, attributes);
        sink.EntriesStored(RunAt(table, index, count, 0, iova, EntryChange.LeafWritten));
        return true;
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
                missing++;
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

            ulong entry = Entries<TFormat>.Load(ref entries, IndexOf(cursor.Iova, level));
            if (entry == 0)
            {
                AddTable(table, level, isLinked, attributes, ref cursor, ref reserved, ref sink);
            }
            else
            {
                FillTable(TFormat.TableAddress(entry), level - 1, isLinked, attributes, ref cursor, ref reserved, ref sink);
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
        do
        {
            ulong pages = TSink.PageByPage ? 1 : Math.Min(cursor.Pages, ((last - cursor.Iova) >> cursor.PageLog2) + 1);
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
                UnlinkTable(table, level, index + i, entry, iova + ((ulong)(uint)i << TFormat.EntryShift(level)), areEntriesLeft: false, ref sink);
            }
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
        ulong other = Entries<TFormat>.StoreIfVacant(ref entries, index, TFormat.TableEntry(child, level));
        if (other != 0)
        {
            // Another thread linked a table for its part of this entry in the meantime: use that one.
            TakeBack(child, level - 1, ref reserved);
            cursor = start;
            FillTable(TFormat.TableAddress(other), level - 1, isLinked, attributes, ref cursor, ref reserved, ref sink);
            return;
        }

        var change = isLinked ? EntryChange.TableLinked : EntryChange.NewTableWritten;
        sink.EntriesStored(RunAt(table, index, 1, level, start.Iova, change));
        if (linksFirst)
        {
            FillTable(child, level - 1, isLinked: true, attributes, ref cursor, ref reserved, ref sink);
        }
    }

    /// <summary>Puts a table that was never linked, and those below it, back on the list they came from.</summary>
    private void TakeBack(ulong table, int level, ref TableList reserved)
    {
        if (level > 0)
        {
            ref byte entries = ref TableAt(table, level);
            for (int index = 0; index < EntryCount(level); index++)
            {
                ulong entry = Entries<TFormat>.Load(ref entries, index);
                if (entry != 0 && TFormat.IsTable(entry, level))
                {
                    TakeBack(TFormat.TableAddress(entry), level - 1, ref reserved);
                }
            }
        }

        _allocator.Push(ref reserved, table);
    }

    private IommuError CheckIova(ulong iova, ulong size)
    {
        if (((iova | size) & _granuleMask) != 0 || size == 0)
        {
            return IommuError.EINVAL;
        }

        if (size - 1 > ulong.MaxValue - iova)
        {
            return IommuError.EOVERFLOW;
        }

        return iova + (size - 1) > _lastIova ? IommuError.ERANGE : IommuError.None;
    }
}
