using System.Runtime.CompilerServices;
using IommuKit.Domains;

namespace IommuKit.PageTables;

/// <content>Unmapping.</content>
public sealed partial class PageTable<TFormat>
{
    /// <summary>Unmaps an IOVA range, up to the first hole.</summary>
    /// <param name="iova">First IOVA, a multiple of the smallest page size.</param>
    /// <param name="size">Bytes, a multiple of the smallest page size.</param>
    /// <param name="sink">Receives the footprint.</param>
    /// <returns>
    /// Bytes that went, counted from <paramref name="iova"/>. Less than <paramref name="size"/> if there is a hole, or if the range starts
    /// inside a larger page, which is never split; more if its end lies inside a larger page, which goes whole. 0 for a misaligned range.
    /// </returns>
    /// <typeparam name="TSink">The sink's type.</typeparam>
    public ulong Unmap<TSink>(ulong iova, ulong size, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        if (CheckIova(iova, size) != IommuError.None)
        {
            return 0;
        }

        var position = new UnmapPosition(iova, size);
        ClearTable(_root, _rootLevel, ref position, ref sink);
        return position.Iova - iova;
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

            bool goesOn = level != 0 && TFormat.IsTable(entry, level)
                ? ClearBelow(table, level, index, entry, ref position, ref sink)
                : ClearLeaves(table, level, index, entry, last, ref position, ref sink);
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
        int shift = TFormat.EntryShift(level);
        ulong pageMask = (1ul << (TFormat.HasGroups ? TFormat.LeafSizeLog2(entry, level) : shift)) - 1;
        if ((position.Iova & pageMask) != 0)
        {
            return false;
        }

        ref byte entries = ref TableAt(table, level);
        int wanted = (int)((Math.Min(position.Last, last) - position.Iova) >> shift) + 1;
        int count = LeafRun(ref entries, index, TSink.PageByPage ? 1 : wanted, level);
        Entries<TFormat>.Clear(ref entries, index, count);
        sink.EntriesStored(RunAt(table, index, count, level, position.Iova, EntryChange.LeafCleared));
        position.Advance((ulong)(uint)count << shift);
        return true;
    }

    /// <summary>Leaves from <paramref name="index"/> on, at most <paramref name="wanted"/> but with the whole group of the last one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LeafRun(ref byte entries, int index, int wanted, int level)
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
            int shift = TFormat.EntryShift(level);
            ulong final = Entries<TFormat>.Load(ref entries, index + count - 1);
            int group = 1 << (TFormat.LeafSizeLog2(final, level) - shift);
            count = ((index + count + group - 1) & -group) - index;
        }

        return count;
    }

    /// <summary>Clears the part of the range under an entry that points to a table, and the table if it is to go.</summary>
    private bool ClearBelow<TSink>(ulong table, int level, int index, ulong entry, ref UnmapPosition position, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        ulong child = TFormat.TableAddress(entry);
        ulong start = position.Iova & ~((1ul << TFormat.EntryShift(level)) - 1);
        ulong last = LastUnder(position.Iova, level - 1);
        if (_release == TableRelease.WhenCovered && position.Iova == start && position.Last >= last && !TSink.PageByPage)
        {
            UnlinkTable(table, level, index, entry, start, areEntriesLeft: true, ref sink);
            position.Advance(last - start + 1);
            return true;
        }

        bool goesOn = ClearTable(child, level - 1, ref position, ref sink);
        bool isCovered = goesOn && position.Start <= start && position.HasPassed(last);
        if ((_release == TableRelease.WhenCovered && isCovered)
            || (_release == TableRelease.WhenEmpty && HoldsNothing(child, level - 1)))
        {
            UnlinkTable(table, level, index, entry, start, areEntriesLeft: false, ref sink);
        }

        return goesOn;
    }

    /// <summary>Clears a pointer to a table and hands the table, and those below it, to the sink.</summary>
    private void UnlinkTable<TSink>(
        ulong table, int level, int index, ulong entry, ulong iova, bool areEntriesLeft, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        Entries<TFormat>.Store(ref TableAt(table, level), index, 0);
        sink.EntriesStored(RunAt(table, index, 1, level, iova, EntryChange.TableUnlinked));
        HandOver(TFormat.TableAddress(entry), level - 1, iova, areEntriesLeft, ref sink);
    }

    private void HandOver<TSink>(ulong table, int level, ulong iova, bool areEntriesLeft, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        if (areEntriesLeft)
        {
            sink.EntriesStored(RunAt(table, 0, EntryCount(level), level, iova, EntryChange.TableAbandoned));
        }

        if (level > 0)
        {
            ref byte entries = ref TableAt(table, level);
            for (int index = 0; index < EntryCount(level); index++)
            {
                ulong entry = Entries<TFormat>.Load(ref entries, index);
                if (entry != 0 && TFormat.IsTable(entry, level))
                {
                    ulong start = iova + ((ulong)(uint)index << TFormat.EntryShift(level));
                    HandOver(TFormat.TableAddress(entry), level - 1, start, areEntriesLeft, ref sink);
                }
            }
        }

        sink.TableUnlinked(table);
    }
}
