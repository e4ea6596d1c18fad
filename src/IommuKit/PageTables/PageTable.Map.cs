using System.Runtime.CompilerServices;
using IommuKit.Specs.PageTables;

namespace IommuKit.PageTables;

/// <content>Mapping: the common case in one table that exists, and the way to all others.</content>
public sealed partial class PageTable<TFormat>
{
    /// <summary>Maps an IOVA range to physical memory.</summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="physicalAddress">What it is mapped to.</param>
    /// <param name="size">Bytes, not 0. All three must be multiples of the smallest page size.</param>
    /// <param name="protection">What devices may do.</param>
    /// <param name="sink">Receives the footprint.</param>
    /// <returns>
    /// EINVAL misaligned, empty, without rights or with undefined ones; EOVERFLOW if a range wraps around; ERANGE beyond the input or output width;
    /// EEXIST if part of the range is mapped; ENOMEM if tables cannot be had. On an error nothing has changed.
    /// </returns>
    /// <typeparam name="TSink">The sink's type.</typeparam>
    [SkipLocalsInit]
    public IommuError Map<TSink>(ulong iova, ulong physicalAddress, ulong size, Protection protection, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        ulong lastOffset = size - 1;
        ulong last = iova + lastOffset;
        ulong lastAddress = physicalAddress + lastOffset;
        if (((iova | physicalAddress | size) & _granuleMask) != 0
            || last < iova
            || lastAddress < physicalAddress
            || lastAddress > _lastAddress
            || size == 0
            || !IsInside(iova, last)
            || !CanStore(protection))
        {
            return WhyNot(iova, physicalAddress, size, protection);
        }

        if (!IsPageByPage<TSink>() && (size < _singlePageLimit || ((iova ^ physicalAddress) & _singlePageMask) != 0))
        {
            int index = IndexBelowRoot(iova, 0);
            ulong count = size >> Layout<TFormat>.PageShift;
            if (count <= (uint)((1 << Layout<TFormat>.IndexBits) - index) && !CrossesLinearBound(physicalAddress, lastAddress))
            {
                ulong table = DescendTo(iova, 0);
                if (table != NoTable)
                {
                    ref byte entries = ref TableBelowRoot(table);
                    ulong first = TFormat.LeafEntry(physicalAddress, AttributesOf(protection), 0, Layout<TFormat>.PageShift);
                    if (!Entries<TFormat>.TryFillVacant(ref entries, index, (int)count, first, TFormat.LeafStep(0)))
                    {
                        return IommuError.EEXIST;
                    }

                    sink.EntriesStored(RunAt(table, index, (int)count, 0, iova, EntryChange.LeafWritten));
                    return IommuError.None;
                }
            }
        }

        return MapRange(iova, new PhysicalRange(physicalAddress, size), AttributesOf(protection), ref sink);
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
        if (ranges.Length == 1)
        {
            size = ranges[0].Length;
            return Map(iova, ranges[0].Address, size, protection, ref sink);
        }

        var error = PhysicalRanges.Check(ranges, _granuleMask, _lastAddress, LargerSize, out var found);
        size = found.Total;
        if (error == IommuError.None)
        {
            error = CheckIova(iova, size);
        }

        if (error == IommuError.None && !CanStore(protection))
        {
            error = IommuError.EINVAL;
        }

        return error == IommuError.None
            ? MapRanges(iova, ranges, found, AttributesOf(protection), ref sink)
            : error;
    }

    /// <summary>The page size above the smallest, or 0.</summary>
    private ulong LargerSize
    {
        get
        {
            ulong larger = _pageSizes & (_pageSizes - 1);
            return larger & (~larger + 1);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool CanStore(Protection protection) =>
        (uint)protection < ProtectionCombinations
        && (TFormat.StoresNoAccess || (protection & (Protection.Read | Protection.Write)) != 0);

    /// <summary>Whether leaves for those addresses do not follow from the first one by addition.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool CrossesLinearBound(ulong first, ulong last) =>
        Layout<TFormat>.LinearOutputBits < 64 && (first ^ last) >> Layout<TFormat>.LinearOutputBits != 0;

    /// <summary>The error of a map that cannot be.</summary>
    private IommuError WhyNot(ulong iova, ulong physicalAddress, ulong size, Protection protection)
    {
        var range = new PhysicalRange(physicalAddress, size);
        var error = PhysicalRanges.Check(new ReadOnlySpan<PhysicalRange>(in range), _granuleMask, _lastAddress, LargerSize, out _);
        if (error == IommuError.None)
        {
            error = CheckIova(iova, size);
        }

        return error == IommuError.None && !CanStore(protection) ? IommuError.EINVAL : error;
    }

    /// <summary>Maps a range that passed the checks of arguments.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private IommuError MapRange<TSink>(ulong iova, PhysicalRange range, ulong attributes, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        if (!IsPageByPage<TSink>()
            && (TryMapBlock(iova, range, attributes, ref sink) || TryMapInOneTable(iova, range, attributes, ref sink)))
        {
            return IommuError.None;
        }

        var ranges = new ReadOnlySpan<PhysicalRange>(in range);
        ulong larger = LargerSize;
        var found = new PhysicalRanges(range.Length, larger != 0 && range.Length >= larger, areWholeGranules: true);
        return MapRanges(iova, ranges, found, attributes, ref sink);
    }

    /// <summary>
    /// One page that is an entry of level 1, the commonest large page: all that depends on the level is a constant. False, and nothing done, if it is not
    /// that case.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryMapBlock<TSink>(ulong iova, PhysicalRange range, ulong attributes, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        ulong bytes = 1ul << Layout<TFormat>.Shift(1);
        if (range.Length != bytes || (bytes & _pageSizes) == 0 || ((iova | range.Address) & (bytes - 1)) != 0)
        {
            return false;
        }

        ulong table = DescendTo(iova, 1);
        if (table == NoTable)
        {
            return false;
        }

        ref byte entries = ref TableAt(table, 1);
        int index = IndexOf(iova, 1);
        if (Entries<TFormat>.Load(ref entries, index) != 0)
        {
            return false;
        }

        Entries<TFormat>.Store(ref entries, index, TFormat.LeafEntry(range.Address, attributes, 1, Layout<TFormat>.Shift(1)));
        sink.EntriesStored(RunAt(table, index, 1, 1, iova, EntryChange.LeafWritten));
        return true;
    }

    /// <summary>
    /// Pages of one size, of any size, into vacant entries of one table that exists. False, and nothing done, if it is not that case.
    /// </summary>
    private bool TryMapInOneTable<TSink>(ulong iova, PhysicalRange range, ulong attributes, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        int pageLog2 = PageSizes.Select(_pageSizes, iova, range.Address, range.Length, out ulong pages);
        int level = LevelOf(pageLog2);
        ulong last = iova + (range.Length - 1);
        if (pages << pageLog2 != range.Length
            || last > LastUnder(iova, level)
            || CrossesLinearBound(range.Address, range.Address + (range.Length - 1)))
        {
            return false;
        }

        ulong table = DescendTo(iova, level);
        if (table == NoTable)
        {
            return false;
        }

        ref byte entries = ref TableAt(table, level);
        int index = IndexOf(iova, level);
        int count = EntriesIn(pages, pageLog2, level);
        if (Entries<TFormat>.VacantRun(ref entries, index, count) != count)
        {
            return false;
        }

        StoreLeaves(ref entries, index, level, range.Address, pageLog2, pages, attributes);
        sink.EntriesStored(RunAt(table, index, count, level, iova, EntryChange.LeafWritten));
        return true;
    }

    /// <summary>Maps a list that passed the checks of arguments: first everything that can fail, then the stores.</summary>
    private IommuError MapRanges<TSink>(
        ulong iova, ReadOnlySpan<PhysicalRange> ranges, in PhysicalRanges found, ulong attributes, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        // Lists of short pieces have only one page size to choose from.
        ulong granule = _granuleMask + 1;
        bool hasOneSize = !found.HasLongPiece;
        bool takesRangesSingly = hasOneSize && found.AreWholeGranules;
        if (!IsPageByPage<TSink>() && takesRangesSingly && TryMapListInOneTable(iova, ranges, found.Total, attributes, ref sink))
        {
            return IommuError.None;
        }

        ulong pageSizes = hasOneSize ? granule : _pageSizes;
        var error = CheckRange(iova, ranges, pageSizes, found.Total, out long missing);
        if (error != IommuError.None)
        {
            return error;
        }

        TableList reserved = default;
        if (missing != 0 && !_allocator.TryReserve(TableLog2, missing, ref reserved))
        {
            return IommuError.ENOMEM;
        }

        var cursor = new MapCursor(ranges, iova, pageSizes, joinsRanges: !takesRangesSingly);
        FillTable(_root, _rootLevel, isLinked: true, attributes, ref cursor, ref reserved, ref sink);
        _allocator.FreeAll(TableLog2, ref reserved);
        return IommuError.None;
    }

    /// <summary>A list of pages of the smallest size into vacant entries of one table that exists. False, and nothing done, if it is not that case.</summary>
    private bool TryMapListInOneTable<TSink>(
        ulong iova, ReadOnlySpan<PhysicalRange> ranges, ulong size, ulong attributes, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        if (Layout<TFormat>.LinearOutputBits < 64 || iova + (size - 1) > LastUnder(iova, 0))
        {
            return false;
        }

        ulong table = DescendTo(iova, 0);
        if (table == NoTable)
        {
            return false;
        }

        ref byte entries = ref TableAt(table, 0);
        int index = IndexOf(iova, 0);
        int count = (int)(size >> Layout<TFormat>.PageShift);
        if (Entries<TFormat>.VacantRun(ref entries, index, count) != count)
        {
            return false;
        }

        var cursor = new MapCursor(ranges, iova, _granuleMask + 1, joinsRanges: false);
        cursor.StorePages<TFormat>(ref entries, index, index + count, attributes);
        sink.EntriesStored(RunAt(table, index, count, 0, iova, EntryChange.LeafWritten));
        return true;
    }
}
