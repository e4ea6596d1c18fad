using System.Runtime.CompilerServices;
using IommuKit.Specs.PageTables;

namespace IommuKit.PageTables;

/// <summary>
/// Loads, stores, fills and scans the entries of one table. A table is a reference to its first byte; the caller has checked that all of
/// it is inside memory, and that indices are inside the table.
/// </summary>
internal static class Entries<TFormat>
    where TFormat : struct, IPageTableFormat
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Load(ref byte table, int index) => Layout<TFormat>.EntrySizeLog2 == 2
        ? Volatile.Read(ref At<uint>(ref table, index))
        : Volatile.Read(ref At<ulong>(ref table, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(ref byte table, int index, ulong value)
    {
        if (Layout<TFormat>.EntrySizeLog2 == 2)
        {
            Volatile.Write(ref At<uint>(ref table, index), (uint)value);
        }
        else
        {
            Volatile.Write(ref At<ulong>(ref table, index), value);
        }
    }

    /// <summary>Stores <paramref name="value"/> if the entry is vacant; returns what was there.</summary>
    public static ulong StoreIfVacant(ref byte table, int index, ulong value) => Exchange(ref table, index, value, 0);

    /// <summary>Stores <paramref name="value"/> if the entry is <paramref name="expected"/>; returns what was there.</summary>
    public static ulong Exchange(ref byte table, int index, ulong value, ulong expected) => Layout<TFormat>.EntrySizeLog2 == 2
        ? Interlocked.CompareExchange(ref At<uint>(ref table, index), (uint)value, (uint)expected)
        : Interlocked.CompareExchange(ref At<ulong>(ref table, index), value, expected);

    /// <summary>As <see cref="Fill"/>, if all the entries are vacant. If not, nothing is stored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryFillVacant(ref byte table, int index, int count, ulong first, ulong step)
    {
        if (count == 1)
        {
            if (Load(ref table, index) != 0)
            {
                return false;
            }

            Store(ref table, index, first);
            return true;
        }

        if (VacantRun(ref table, index, count) != count)
        {
            return false;
        }

        Fill(ref table, index, count, first, step);
        return true;
    }

    /// <summary>Stores <paramref name="count"/> entries: <paramref name="first"/>, first + step, first + 2·step …</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fill(ref byte table, int index, int count, ulong first, ulong step)
    {
        if (Layout<TFormat>.EntrySizeLog2 == 2)
        {
            EntryVectors.Fill(ref At<uint>(ref table, index), count, (uint)first, (uint)step);
        }
        else
        {
            EntryVectors.Fill(ref At<ulong>(ref table, index), count, first, step);
        }
    }

    /// <summary>Makes <paramref name="count"/> entries vacant.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Clear(ref byte table, int index, int count) => Fill(ref table, index, count, 0, 0);

    /// <summary>How many entries from <paramref name="index"/> on are vacant, at most <paramref name="count"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int VacantRun(ref byte table, int index, int count) => Layout<TFormat>.EntrySizeLog2 == 2
        ? EntryVectors.VacantRun(ref At<uint>(ref table, index), count)
        : EntryVectors.VacantRun(ref At<ulong>(ref table, index), count);

    /// <summary>How many entries from <paramref name="index"/> on are not vacant, at most <paramref name="count"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int OccupiedRun(ref byte table, int index, int count) => Layout<TFormat>.EntrySizeLog2 == 2
        ? EntryVectors.OccupiedRun(ref At<uint>(ref table, index), count)
        : EntryVectors.OccupiedRun(ref At<ulong>(ref table, index), count);

    /// <summary>The first byte of an entry.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref byte EntryAt(ref byte table, int index) => ref Unsafe.Add(ref table, index << Layout<TFormat>.EntrySizeLog2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref T At<T>(ref byte table, int index)
        where T : unmanaged => ref Unsafe.Add(ref Unsafe.As<byte, T>(ref table), index);
}
