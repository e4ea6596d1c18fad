using System.Numerics;
using System.Runtime.CompilerServices;

namespace IommuKit.Sync;

/// <summary>
/// Marks pages, so that a look without a lock tells whether a range may hold one of them: what was marked before it is found; now and then
/// something is found that was not. Thread-safe.
/// </summary>
/// <remarks>
/// Of pages of 4 KiB those within 2 MiB share a cache line, and others next to never: threads with ranges of their own do not meet here.
/// </remarks>
internal sealed class PageMarks
{
    // Larger ranges are told apart by the interval around all of them.
    private const ulong MostMarked = 1024;

    private const int PagesPerWordLog2 = 6;
    private const int WordsPerLineLog2 = 3;
    private const int BitsEach = 16;

    private readonly int _granuleLog2;
    private readonly int _hashShift;
    private readonly ulong[] _words;
    private bool _hasAny;
    private ulong _largeFirst = ulong.MaxValue;
    private ulong _largeLast;

    /// <summary>Makes it without marks.</summary>
    /// <param name="capacity">How many ranges are about to be marked until they are cleared, at most 2^20.</param>
    /// <param name="granuleLog2">Log2 of the smallest page.</param>
    public PageMarks(int capacity, int granuleLog2)
    {
        int bitsLog2 = BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)capacity * BitsEach));
        int linesLog2 = Math.Max(6, bitsLog2 - PagesPerWordLog2 - WordsPerLineLog2);
        _granuleLog2 = granuleLog2;
        _hashShift = 64 - linesLog2;
        _words = new ulong[1 << (linesLog2 + WordsPerLineLog2)];
    }

    /// <summary>Marks the pages of a range that is not empty.</summary>
    public void Mark(Interval range)
    {
        if (!Volatile.Read(ref _hasAny))
        {
            Volatile.Write(ref _hasAny, true);
        }

        ulong first = range.First >> _granuleLog2;
        ulong last = range.Last >> _granuleLog2;
        if (last - first >= MostMarked)
        {
            Lower(ref _largeFirst, range.First);
            Raise(ref _largeLast, range.Last);
            return;
        }

        for (ulong word = first >> PagesPerWordLog2; word <= last >> PagesPerWordLog2; word++)
        {
            ref ulong marks = ref WordOf(word);
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
        if (!Volatile.Read(ref _hasAny))
        {
            return false;
        }

        ulong first = range.First >> _granuleLog2;
        ulong last = range.Last >> _granuleLog2;
        if (last - first >= MostMarked || (Volatile.Read(ref _largeFirst) <= range.Last && range.First <= Volatile.Read(ref _largeLast)))
        {
            return true;
        }

        for (ulong word = first >> PagesPerWordLog2; word <= last >> PagesPerWordLog2; word++)
        {
            if ((Volatile.Read(ref WordOf(word)) & MaskOf(word, first, last)) != 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes all marks away; nobody marks meanwhile.</summary>
    public void Clear()
    {
        if (_hasAny)
        {
            Array.Clear(_words);
            _largeFirst = ulong.MaxValue;
            _largeLast = 0;
            _hasAny = false;
        }
    }

    private static void Lower(ref ulong place, ulong value)
    {
        for (ulong seen = Volatile.Read(ref place); value < seen;)
        {
            ulong found = Interlocked.CompareExchange(ref place, value, seen);
            if (found == seen)
            {
                return;
            }

            seen = found;
        }
    }

    private static void Raise(ref ulong place, ulong value)
    {
        for (ulong seen = Volatile.Read(ref place); value > seen;)
        {
            ulong found = Interlocked.CompareExchange(ref place, value, seen);
            if (found == seen)
            {
                return;
            }

            seen = found;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong MaskOf(ulong word, ulong first, ulong last)
    {
        int low = word == first >> PagesPerWordLog2 ? (int)(first & 63) : 0;
        int high = word == last >> PagesPerWordLog2 ? (int)(last & 63) : 63;
        return (ulong.MaxValue << low) & (ulong.MaxValue >> (63 - high));
    }

    // The upper bits of a product with the golden ratio choose the line: neighbours fall far apart.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref ulong WordOf(ulong word)
    {
        ulong line = ((word >> WordsPerLineLog2) * 0x9E3779B97F4A7C15) >> _hashShift;
        return ref _words[(int)((line << WordsPerLineLog2) | (word & ((1ul << WordsPerLineLog2) - 1)))];
    }
}
