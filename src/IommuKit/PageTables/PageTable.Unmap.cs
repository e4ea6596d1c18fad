using System.Numerics;
using System.Runtime.CompilerServices;

namespace IommuKit.PageTables;

/// <content>Unmapping.</content>
public sealed partial class PageTable<TFormat>
{
    /// <summary>Unmaps an IOVA range, up to the first hole.</summary>
    /// <remarks>
    /// With <see cref="TableRelease.WhenCovered"/> a table that the range covers goes whole, and holes in it count as unmapped: nobody has to
    /// look at its entries.
    /// </remarks>
    /// <param name="iova">First IOVA, a multiple of the smallest page size.</param>
    /// <param name="size">Bytes, a multiple of the smallest page size.</param>
    /// <param name="sink">Receives the footprint.</param>
    /// <param name="unmapped">
    /// Bytes that went, counted from <paramref name="iova"/>. Less than <paramref name="size"/> if there is a hole, or if the range starts
    /// inside a larger page that is not split; more if its end lies inside such a page, which goes whole.
    /// </param>
    /// <returns>
    /// EINVAL misaligned or empty; EOVERFLOW if the range wraps around; ERANGE if it goes beyond the input width; ENOMEM if a page had to be split
    /// and there was no table for the rest of it; then nothing has changed. A hole is not an error.
    /// </returns>
    /// <typeparam name="TSink">The sink's type.</typeparam>
    [SkipLocalsInit]
    public IommuError TryUnmap<TSink>(ulong iova, ulong size, ref TSink sink, out ulong unmapped)
        where TSink : struct, IFootprintSink
    {
        unmapped = 0;
        ulong last = iova + (size - 1);
        if (((iova | size) & _granuleMask) != 0 || size == 0 || last < iova || !IsInside(iova, last))
        {
            return CheckIova(iova, size);
        }

        // Entries of one leaf table, and not all of them, because then the table may have to go.
        int index = IndexBelowRoot(iova, 0);
        int room = (1 << Layout<TFormat>.IndexBits) - index;
        ulong count = size >> Layout<TFormat>.PageShift;
        if (!IsPageByPage<TSink>() && count <= (uint)room && (index | (room ^ (int)count)) != 0 && _release != TableRelease.WhenEmpty)
        {
            ulong table = DescendTo(iova, 0);
            if (table != NoTable && TryClearSingles(table, index, (int)count, iova, ref sink, out unmapped))
            {
                return IommuError.None;
            }
        }

        return UnmapRange(iova, size, ref sink, out unmapped);
    }

    /// <summary>As <see cref="TryUnmap"/>, for callers that know their range to be valid.</summary>
    /// <inheritdoc cref="TryUnmap" path="/param"/>
    /// <returns>Bytes that went; 0 also for a range that is misaligned, empty or out of bounds.</returns>
    /// <typeparam name="TSink">The sink's type.</typeparam>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Unmap<TSink>(ulong iova, ulong size, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        TryUnmap(iova, size, ref sink, out ulong unmapped);
        return unmapped;
    }

    /// <summary>Clears pages of a leaf table that are one entry each. False, and nothing done, if a group of entries is in the way.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryClearSingles<TSink>(ulong table, int index, int count, ulong iova, ref TSink sink, out ulong unmapped)
        where TSink : struct, IFootprintSink
    {
        unmapped = 0;
        ref byte entries = ref TableBelowRoot(table);
        int occupied = 1;
        if (count == 1)
        {
            ulong entry = Entries<TFormat>.Load(ref entries, index);
            if (entry == 0 || (TFormat.HasGroups && TFormat.LeafSizeLog2(entry, 0) != Layout<TFormat>.PageShift))
            {
                return entry == 0;
            }

            Entries<TFormat>.Store(ref entries, index, 0);
        }
        else
        {
            occupied = Entries<TFormat>.OccupiedRun(ref entries, index, count);
            if (occupied == 0)
            {
                return true;
            }

            if (TFormat.HasGroups && (IsInGroup(ref entries, index) || IsInGroup(ref entries, index + occupied - 1)))
            {
                return false;
            }

            Entries<TFormat>.Clear(ref entries, index, occupied);
        }

        unmapped = (ulong)(uint)occupied << Layout<TFormat>.PageShift;
        sink.EntriesStored(RunAt(table, index, occupied, 0, iova, EntryChange.LeafCleared));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsInGroup(ref byte entries, int index) =>
        TFormat.LeafSizeLog2(Entries<TFormat>.Load(ref entries, index), 0) != Layout<TFormat>.PageShift;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private IommuError UnmapRange<TSink>(ulong iova, ulong size, ref TSink sink, out ulong unmapped)
        where TSink : struct, IFootprintSink
    {
        if (!IsPageByPage<TSink>() && _release != TableRelease.WhenEmpty && TryClearPage(iova, size, ref sink))
        {
            unmapped = size;
            return IommuError.None;
        }

        unmapped = 0;
        var position = new UnmapPosition(iova, size);
        if (_splitsPages && !TryReserveSplits(iova, iova + (size - 1), ref position.Reserved))
        {
            return IommuError.ENOMEM;
        }

        ClearTable(_root, _rootLevel, ref position, ref sink);
        _allocator.FreeAll(TableLog2, ref position.Reserved);

        // The number of all bytes that there are does not fit.
        unmapped = position.HasAdvanced && position.Iova == iova ? size : position.Iova - iova;
        return IommuError.None;
    }

    /// <summary>Clears one page of any size, if that is what the range is. False, and nothing done, if it is not.</summary>
    private bool TryClearPage<TSink>(ulong iova, ulong size, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        if ((size & _pageSizes) == 0 || !BitOperations.IsPow2(size))
        {
            return false;
        }

        // For the commonest large page all that depends on the level is a constant.
        int sizeLog2 = BitOperations.TrailingZeroCount(size);
        return sizeLog2 == Layout<TFormat>.Shift(1)
            ? TryClearPage(iova, Layout<TFormat>.Shift(1), 1, ref sink)
            : TryClearPage(iova, sizeLog2, LevelOf(sizeLog2), ref sink);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryClearPage<TSink>(ulong iova, int sizeLog2, int level, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        ulong table = DescendTo(iova, level);
        if (table == NoTable)
        {
            return false;
        }

        ref byte entries = ref TableAt(table, level);
        int index = IndexOf(iova, level);
        ulong entry = Entries<TFormat>.Load(ref entries, index);
        if (entry == 0
            || (level != 0 && TFormat.IsTable(entry, level))
            || PageLog2Of(entry, level) != sizeLog2
            || (iova & ((1ul << sizeLog2) - 1)) != 0)
        {
            return false;
        }

        int count = 1 << (sizeLog2 - Layout<TFormat>.Shift(level));
        Entries<TFormat>.Clear(ref entries, index, count);
        sink.EntriesStored(RunAt(table, index, count, level, iova, EntryChange.LeafCleared));
        return true;
    }

    /// <summary>Clears the part of the range under one table. Returns false at a hole.</summary>
    private bool ClearTable<TSink>(ulong table, int level, ref UnmapPosition position, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        ref byte entries = ref TableAt(table, level);
        ulong last = LastUnder(position.Iova, level);
        do
        {
            int index = IndexOf(position.Iova, level);
            ulong entry = Entries<TFormat>.Load(ref entries, index);
            if (entry == 0)
            {
                return false;
            }

            bool goesOn = level == 0 || !TFormat.IsTable(entry, level)
                ? ClearLeaves(table, level, index, entry, last, ref position, ref sink)
                : TryUnlinkCovered(table, level, index, last, ref position, ref sink)
                    || ClearBelow(table, level, index, entry, ref position, ref sink);
            if (!goesOn)
            {
                return false;
            }
        }
        while (position.IsBefore(last));

        return true;
    }

    /// <summary>Clears leaves up to the end of the table, of the range or of the leaves, and reports them as one run.</summary>
    private bool ClearLeaves<TSink>(
        ulong table, int level, int index, ulong entry, ulong last, ref UnmapPosition position, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        int shift = Layout<TFormat>.Shift(level);
        ulong pageMask = (1ul << PageLog2Of(entry, level)) - 1;
        ulong pageLast = position.Iova | pageMask;
        if (_splitsPages && ((position.Iova & pageMask) != 0 || pageLast > position.Last))
        {
            return SplitPage(table, level, index, entry, ref position, ref sink);
        }

        if ((position.Iova & pageMask) != 0)
        {
            return false;
        }

        ref byte entries = ref TableAt(table, level);
        ulong end = Math.Min(position.Last, last);
        int wanted = (int)((end - position.Iova) >> shift) + 1;
        if (_splitsPages && (~end & ((1ul << shift) - 1)) != 0)
        {
            // The range ends inside the last one, which is to be split.
            wanted--;
        }

        int count = LeafRun(ref entries, index, IsPageByPage<TSink>() ? (int)(pageMask >> shift) + 1 : wanted, level);
        Entries<TFormat>.Clear(ref entries, index, count);
        sink.EntriesStored(RunAt(table, index, count, level, position.Iova, EntryChange.LeafCleared));
        position.Advance((ulong)(uint)count << shift);
        return true;
    }

    /// <summary>
    /// Leaves from <paramref name="index"/> on, at most <paramref name="wanted"/>; but with the whole group of the last one or, where pages are
    /// split, without it unless all of it is wanted.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int LeafRun(ref byte entries, int index, int wanted, int level)
    {
        int count;
        if (level == 0)
        {
            count = Entries<TFormat>.OccupiedRun(ref entries, index, wanted);
        }
        else
        {
            count = 1;
            while (count < wanted)
            {
                ulong entry = Entries<TFormat>.Load(ref entries, index + count);
                if (entry == 0 || TFormat.IsTable(entry, level))
                {
                    break;
                }

                count++;
            }
        }

        if (TFormat.HasGroups)
        {
            int shift = Layout<TFormat>.Shift(level);
            ulong final = Entries<TFormat>.Load(ref entries, index + count - 1);
            int group = 1 << (PageLog2Of(final, level) - shift);
            int whole = ((index + count + group - 1) & -group) - index;
            count = _splitsPages && whole > wanted ? whole - group : whole;
            if (count <= 0)
            {
                // A group that reaches back to before the first leaf, which is not of it.
                ThrowUnbelievable(final, level, PageLog2Of(final, level));
            }
        }

        return count;
    }

    /// <summary>
    /// Unlinks tables that the range covers, some at a time, without a look at what is in them. False, and nothing done, if the first one is not
    /// covered, or if tables do not go that way.
    /// </summary>
    [SkipLocalsInit]
    private bool TryUnlinkCovered<TSink>(
        ulong table, int level, int index, ulong last, ref UnmapPosition position, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        const int AtATime = 16;
        int shift = Layout<TFormat>.Shift(level);
        ulong spanMask = (1ul << shift) - 1;
        ulong end = Math.Min(position.Last, last);
        ulong covered = ((end - position.Iova) >> shift) + ((end & spanMask) == spanMask ? 1ul : 0);
        if (TSink.PageByPage || _release != TableRelease.WhenCovered || (position.Iova & spanMask) != 0 || covered == 0)
        {
            return false;
        }

        Span<ulong> children = stackalloc ulong[AtATime];
        ref byte entries = ref TableAt(table, level);
        int limit = (int)Math.Min(covered, AtATime);
        int count = 0;
        while (count < limit)
        {
            ulong entry = Entries<TFormat>.Load(ref entries, index + count);
            if (!TFormat.IsTable(entry, level))
            {
                break;
            }

            children[count++] = TFormat.TableAddress(entry);
        }

        Entries<TFormat>.Clear(ref entries, index, count);
        sink.EntriesStored(RunAt(table, index, count, level, position.Iova, EntryChange.TableUnlinked));
        foreach (ulong child in children[..count])
        {
            HandOver(child, level - 1, position.Iova, areEntriesLeft: true, ref sink);
            position.Advance(spanMask + 1);
        }

        return true;
    }

    /// <summary>Clears the part of the range under an entry that points to a table, and the table if it is to go.</summary>
    private bool ClearBelow<TSink>(ulong table, int level, int index, ulong entry, ref UnmapPosition position, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        ulong child = TFormat.TableAddress(entry);
        ulong start = position.Iova & ~((1ul << Layout<TFormat>.Shift(level)) - 1);
        ulong last = LastUnder(position.Iova, level - 1);
        if (TSink.PageByPage && _release == TableRelease.WhenCovered && position.Iova == start && position.Last >= last)
        {
            ClearAll(child, level - 1, start, ref sink);
            UnlinkTable(table, level, index, entry, start, areEntriesLeft: false, ref sink);
            position.Advance(last - start + 1);
            return true;
        }

        bool goesOn = ClearTable(child, level - 1, ref position, ref sink);
        if (_release == TableRelease.WhenEmpty && HoldsNothing(child, level - 1))
        {
            UnlinkTable(table, level, index, entry, start, areEntriesLeft: false, ref sink);
        }

        return goesOn;
    }

    /// <summary>Clears whatever a table holds, page by page, and unlinks the tables below it.</summary>
    private void ClearAll<TSink>(ulong table, int level, ulong iova, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        ref byte entries = ref TableAt(table, level);
        for (int index = 0; index < EntryCount(level);)
        {
            ulong entry = Entries<TFormat>.Load(ref entries, index);
            ulong start = iova + ((ulong)(uint)index << Layout<TFormat>.Shift(level));
            int count = 1;
            if (level != 0 && TFormat.IsTable(entry, level))
            {
                ClearAll(TFormat.TableAddress(entry), level - 1, start, ref sink);
                UnlinkTable(table, level, index, entry, start, areEntriesLeft: false, ref sink);
            }
            else if (entry != 0)
            {
                // Others may have written a group that does not start where groups do.
                count = Math.Min(1 << (PageLog2Of(entry, level) - Layout<TFormat>.Shift(level)), EntryCount(level) - index);
                Entries<TFormat>.Clear(ref entries, index, count);
                sink.EntriesStored(RunAt(table, index, count, level, start, EntryChange.LeafCleared));
            }

            index += count;
        }
    }
}
