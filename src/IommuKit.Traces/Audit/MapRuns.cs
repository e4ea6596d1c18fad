using System.Numerics;

namespace IommuKit.Traces.Audit;

/// <summary>
/// The last maps, to know an invalidation that was made because of a map: it drops what one of them needs, rounded as VT-d rounds. A scatter list is
/// several map events and one invalidation, so maps that continue each other count as one.
/// </summary>
internal sealed class MapRuns
{
    private const int Kept = 8;

    private readonly (ulong First, ulong Last, bool IsOpen)[] _runs = new (ulong First, ulong Last, bool IsOpen)[Kept];
    private int _newest;

    /// <summary>Notes a map.</summary>
    public void Add(ulong first, ulong last)
    {
        ref var run = ref _runs[_newest];
        if (run.IsOpen && first != 0 && run.Last == first - 1)
        {
            run.Last = last;
            return;
        }

        _newest = (_newest + 1) % Kept;
        _runs[_newest] = (first, last, true);
    }

    /// <summary>Finds the map that an invalidation of pages follows. One map can be found once.</summary>
    public bool TryTake(ulong first, ulong last)
    {
        foreach (ref var run in _runs.AsSpan())
        {
            if (run.IsOpen && IsRounding(run.First, run.Last, first, last))
            {
                run.IsOpen = false;
                return true;
            }
        }

        return false;
    }

    /// <summary>Forgets all.</summary>
    public void Clear() => Array.Clear(_runs);

    /// <summary>Whether a range is the smallest aligned power of two around another.</summary>
    public static bool IsRounding(ulong first, ulong last, ulong roundedFirst, ulong roundedLast)
    {
        ulong differing = first ^ last;
        ulong below = differing == 0 ? 0 : ulong.MaxValue >> BitOperations.LeadingZeroCount(differing);
        return (first & ~below) == roundedFirst && (last | below) == roundedLast;
    }
}
