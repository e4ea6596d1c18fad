using System.Runtime.CompilerServices;

namespace IommuKit.PageTables;

/// <content>The end of tables.</content>
public sealed partial class PageTable<TFormat>
{
    /// <summary>Clears a pointer to a table and hands the table, and those below it, to the sink.</summary>
    private void UnlinkTable<TSink>(
        ulong table, int level, int index, ulong entry, ulong iova, bool areEntriesLeft, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        Entries<TFormat>.Store(ref TableAt(table, level), index, 0);
        sink.EntriesStored(RunAt(table, index, 1, level, iova, EntryChange.TableUnlinked));
        HandOver(TFormat.TableAddress(entry), level - 1, iova, areEntriesLeft, ref sink);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void HandOver<TSink>(ulong table, int level, ulong iova, bool areEntriesLeft, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        if (!_allocator.IsHandedOut(table, TableLog2) || table == _root)
        {
            ThrowNotATable(table);
        }

        if (areEntriesLeft)
        {
            sink.EntriesStored(RunAt(table, 0, EntryCount(level), level, iova, EntryChange.TableAbandoned));
        }

        if (level > 0)
        {
            HandOverBelow(table, level, iova, areEntriesLeft, ref sink);
        }

        sink.TableUnlinked(table);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void HandOverBelow<TSink>(ulong table, int level, ulong iova, bool areEntriesLeft, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        ref byte entries = ref TableAt(table, level);
        int count = EntryCount(level);
        for (int index = NextEntry(ref entries, 0, count); index < count; index = NextEntry(ref entries, index + 1, count))
        {
            ulong entry = Entries<TFormat>.Load(ref entries, index);
            if (TFormat.IsTable(entry, level))
            {
                ulong start = iova + ((ulong)(uint)index << Layout<TFormat>.Shift(level));
                HandOver(TFormat.TableAddress(entry), level - 1, start, areEntriesLeft, ref sink);
            }
        }
    }

    private void FreeTablesBelow(ref byte entries, int level)
    {
        if (level == 0)
        {
            return;
        }

        int count = EntryCount(level);
        for (int index = NextEntry(ref entries, 0, count); index < count; index = NextEntry(ref entries, index + 1, count))
        {
            ulong entry = Entries<TFormat>.Load(ref entries, index);
            if (!TFormat.IsTable(entry, level))
            {
                continue;
            }

            // A table that is given back already, or never was one, is somebody else's mistake.
            ulong child = TFormat.TableAddress(entry);
            if (_allocator.IsHandedOut(child, TableLog2))
            {
                FreeTablesBelow(ref TableBelowRoot(child), level - 1);
                _allocator.TryFree(child, TableLog2);
            }
        }
    }

    /// <summary>The first entry from an index on that is not vacant, or <paramref name="count"/>: most upper tables hold little.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int NextEntry(ref byte entries, int index, int count) =>
        index + Entries<TFormat>.VacantRun(ref entries, index, count - index);
}
