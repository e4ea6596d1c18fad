using System.Numerics;
using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>
/// Unmaps that are flushed together, and whether a range overlaps one of them. One thread at a time adds; others may look meanwhile, without a lock:
/// what was added before they looked they see.
/// </summary>
internal sealed class PendingUnmaps
{
    // Pages of a range that are marked one by one. Larger ranges are told apart by the interval around all of them.
    private const ulong MostMarked = 32;

    // With 16 bits for each unmap, one look in a hundred or so is answered with a needless search.
    private const int BitsEach = 16;

    private readonly int _granuleLog2;
    private readonly int _hashShift;
    private readonly ulong[] _marks;
    private readonly Interval[] _reach;
    private readonly Interval[] _unmapped;
    private int _count;
    private Interval _all = Interval.Empty;
    private Interval _large = Interval.Empty;

    /// <summary>Makes an empty set.</summary>
    /// <param name="capacity">How many unmaps it can hold, at most 2^20.</param>
    /// <param name="granuleLog2">Log2 of the smallest page.</param>
    public PendingUnmaps(int capacity, int granuleLog2)
    {
        int bitsLog2 = Math.Max(6, BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)capacity * BitsEach)));
        _granuleLog2 = granuleLog2;
        _hashShift = 64 - bitsLog2;
        _marks = new ulong[1 << (bitsLog2 - 6)];
        _reach = new Interval[capacity];
        _unmapped = new Interval[capacity];
    }

    /// <summary>Tables that the unmaps unlinked.</summary>
    public TableList Unlinked;

    /// <summary>Whether nothing waits.</summary>
    public bool IsEmpty => Volatile.Read(ref _count) == 0;

    /// <summary>Whether no more fits.</summary>
    public bool IsFull => _count == _reach.Length;

    /// <summary>The ranges that were unmapped.</summary>
    public ReadOnlySpan<Interval> Unmapped => _unmapped.AsSpan(0, _count);

    /// <summary>Adds an unmap.</summary>
    /// <param name="unmapped">The range.</param>
    /// <param name="unlinked">The IOVAs under tables that it unlinked, or empty.</param>
    public void Add(Interval unmapped, Interval unlinked)
    {
        var reach = unmapped.Around(unlinked);
        if (PagesOf(reach) > MostMarked)
        {
            _large = _large.Around(reach);
        }
        else
        {
            for (ulong page = reach.First >> _granuleLog2; page <= reach.Last >> _granuleLog2; page++)
            {
                uint bit = BitOf(page);
                _marks[bit >> 6] |= 1ul << (int)(bit & 63);
            }
        }

        _all = _all.Around(reach);
        _unmapped[_count] = unmapped;
        _reach[_count] = reach;
        Volatile.Write(ref _count, _count + 1);
    }

    /// <summary>
    /// Whether part of a range waits here. While another thread empties the set the answer may be wrong either way: then what was in it is flushed.
    /// </summary>
    public bool Overlaps(Interval range)
    {
        int count = Volatile.Read(ref _count);
        if (count == 0 || !_all.Overlaps(range) || !MayOverlap(range))
        {
            return false;
        }

        foreach (ref readonly var one in _reach.AsSpan(0, count))
        {
            if (one.Overlaps(range))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        Volatile.Write(ref _count, 0);
        _all = Interval.Empty;
        _large = Interval.Empty;
        Array.Clear(_marks);
    }

    private bool MayOverlap(Interval range)
    {
        if (_large.Overlaps(range) || PagesOf(range) > MostMarked)
        {
            return true;
        }

        for (ulong page = range.First >> _granuleLog2; page <= range.Last >> _granuleLog2; page++)
        {
            uint bit = BitOf(page);
            if ((_marks[bit >> 6] & (1ul << (int)(bit & 63))) != 0)
            {
                return true;
            }
        }

        return false;
    }

    private ulong PagesOf(Interval range) => (range.Last >> _granuleLog2) - (range.First >> _granuleLog2) + 1;

    // The upper bits of a product with the golden ratio: neighbours fall far apart.
    private uint BitOf(ulong page) => (uint)((page * 0x9E3779B97F4A7C15) >> _hashShift);
}
