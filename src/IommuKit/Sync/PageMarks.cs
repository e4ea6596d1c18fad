using System.Numerics;
using System.Runtime.CompilerServices;

namespace IommuKit.Sync;

/// <summary>
/// Marks pages, so that a look without a lock tells whether a range may hold one of them: what was marked before it is found; now and then
/// something is found that was not. Thread-safe.
/// </summary>
/// <remarks>
/// <para>A range is marked in units of a quarter of the power of two that its size reaches, so that it takes nine marks at most, however large it is,
/// and where it is aligned, as by an allocator, nothing beside it is marked. A look goes through the units that there are.</para>
/// <para>Of ranges of 4 KiB those within 2 MiB share a cache line, and others next to never: threads with ranges of their own do not meet here.</para>
/// </remarks>
internal sealed class PageMarks
{
    // A look at more units than that finds something.
    private const ulong MostLooked = 1024;

    private const int QuarterLog2 = 2;
    private const int UnitsPerWordLog2 = 6;
    private const int WordsPerLineLog2 = 3;
    private const int BitsEach = 16;

    private readonly int _granuleLog2;
    private readonly int _hashShift;
    private readonly ulong[] _words;

    // The units in which something is marked, by their log2 in pages.
    private ulong _units;

    /// <summary>Makes it without marks.</summary>
    /// <param name="capacity">How many ranges are about to be marked until they are cleared, at most 2^20.</param>
    /// <param name="granuleLog2">Log2 of the smallest page.</param>
    public PageMarks(int capacity, int granuleLog2)
    {
        int bitsLog2 = BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)capacity * BitsEach));
        int linesLog2 = Math.Max(6, bitsLog2 - UnitsPerWordLog2 - WordsPerLineLog2);
        _granuleLog2 = granuleLog2;
        _hashShift = 64 - linesLog2;
        _words = new ulong[1 << (linesLog2 + WordsPerLineLog2)];
    }

    /// <summary>Marks the pages of a range that is not empty.</summary>
    public void Mark(Interval range)
    {
        ulong first = range.First >> _granuleLog2;
        ulong last = range.Last >> _granuleLog2;
        int unit = Math.Max(0, BitOperations.Log2((last - first) + 1) - QuarterLog2);
        if ((Volatile.Read(ref _units) & (1ul << unit)) == 0)
        {
            Interlocked.Or(ref _units, 1ul << unit);
        }

        first >>= unit;
        last >>= unit;
        for (ulong word = first >> UnitsPerWordLog2; word <= last >> UnitsPerWordLog2; word++)
        {
            ref ulong marks = ref WordOf(word, unit);
            ulong mask = MaskOf(word, first, last);
            if ((Volatile.Read(ref marks) & mask) != mask)
            {
                Interlocked.Or(ref marks, mask);
            }
        }
    }

    /// <summary>Whether part of a range may be marked.</summary>
    public bool MayOverlap(Interval range)
    {
        for (ulong units = Volatile.Read(ref _units); units != 0; units &= units - 1)
        {
            int unit = BitOperations.TrailingZeroCount(units);
            ulong first = range.First >> _granuleLog2 >> unit;
            ulong last = range.Last >> _granuleLog2 >> unit;
            if (last - first >= MostLooked)
            {
                return true;
            }

            for (ulong word = first >> UnitsPerWordLog2; word <= last >> UnitsPerWordLog2; word++)
            {
                if ((Volatile.Read(ref WordOf(word, unit)) & MaskOf(word, first, last)) != 0)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Takes all marks away; nobody marks meanwhile.</summary>
    public void Clear()
    {
        if (_units != 0)
        {
            Array.Clear(_words);
            _units = 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong MaskOf(ulong word, ulong first, ulong last)
    {
        int low = word == first >> UnitsPerWordLog2 ? (int)(first & 63) : 0;
        int high = word == last >> UnitsPerWordLog2 ? (int)(last & 63) : 63;
        return (ulong.MaxValue << low) & (ulong.MaxValue >> (63 - high));
    }

    // The upper bits of a product with the golden ratio choose the line: neighbours fall far apart, and so do units of other sizes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref ulong WordOf(ulong word, int unit)
    {
        ulong line = (((word >> WordsPerLineLog2) + ((ulong)unit << 58)) * 0x9E3779B97F4A7C15) >> _hashShift;
        return ref _words[(int)((line << WordsPerLineLog2) | (word & ((1ul << WordsPerLineLog2) - 1)))];
    }
}
