namespace IommuKit.Dma;

/// <summary>IOVAs that are unmapped and that a device may still use, and what is to be done when it no longer can. Thread-safe.</summary>
/// <remarks>
/// Ranges are in a table, at their IOVA or a few places behind it, so that neighbours, which are of one thread, are neighbours there too. No lock is
/// taken: a range has one owner, who adds it, and one flush, which takes it. What finds no place, and parts of windows, of which several may wait at the
/// same IOVA, are in a dictionary.
/// </remarks>
/// <param name="granuleLog2">Log2 of the smallest range.</param>
internal sealed class RetiringIovas(int granuleLog2)
{
    private const int Places = 1024;
    private const int Probes = 4;

    private readonly Place[] _places = new Place[Places + Probes - 1];
    private readonly Dictionary<ulong, Entry> _others = [];
    private int _otherCount;

    /// <summary>Adds a range before it is unmapped.</summary>
    /// <param name="iova">Its first IOVA.</param>
    /// <param name="range">What to give back; empty for a part of a window.</param>
    /// <param name="gone">What to call; null if nothing.</param>
    /// <returns>False if the range waits already: it was unmapped before.</returns>
    public bool TryAdd(ulong iova, IovaRange range, Action? gone)
    {
        if (!range.IsEmpty)
        {
            if (IsThere(iova))
            {
                return false;
            }

            foreach (ref var place in PlacesOf(iova))
            {
                if (Volatile.Read(ref place.Iova) == 0 && Interlocked.CompareExchange(ref place.Iova, iova, 0) == 0)
                {
                    place.Range = range;
                    place.Gone = gone;
                    return true;
                }
            }
        }

        lock (_others)
        {
            bool isThere = _others.TryGetValue(iova, out var entry);
            if (isThere && !range.IsEmpty)
            {
                return false;
            }

            _others[iova] = isThere ? entry with { Count = entry.Count + 1 } : new Entry(range, gone, 1);
            Volatile.Write(ref _otherCount, _others.Count);
            return true;
        }
    }

    /// <summary>Takes a range that no device can use any more.</summary>
    /// <returns>False if it is nobody's here.</returns>
    public bool TryTake(ulong iova, out IovaRange range, out Action? gone)
    {
        foreach (ref var place in PlacesOf(iova))
        {
            if (Volatile.Read(ref place.Iova) == iova)
            {
                range = place.Range;
                gone = place.Gone;
                place.Gone = null;
                Volatile.Write(ref place.Iova, 0);
                return true;
            }
        }

        range = default;
        gone = null;
        return Volatile.Read(ref _otherCount) != 0 && TryTakeOther(iova, out range, out gone);
    }

    private bool IsThere(ulong iova)
    {
        foreach (ref var place in PlacesOf(iova))
        {
            if (Volatile.Read(ref place.Iova) == iova)
            {
                return true;
            }
        }

        if (Volatile.Read(ref _otherCount) == 0)
        {
            return false;
        }

        lock (_others)
        {
            return _others.ContainsKey(iova);
        }
    }

    private bool TryTakeOther(ulong iova, out IovaRange range, out Action? gone)
    {
        lock (_others)
        {
            if (!_others.TryGetValue(iova, out var entry))
            {
                range = default;
                gone = null;
                return false;
            }

            if (entry.Count == 1)
            {
                _others.Remove(iova);
                Volatile.Write(ref _otherCount, _others.Count);
            }
            else
            {
                _others[iova] = entry with { Count = entry.Count - 1 };
            }

            range = entry.Range;
            gone = entry.Gone;
            return true;
        }
    }

    private Span<Place> PlacesOf(ulong iova) => _places.AsSpan((int)((iova >> granuleLog2) & (Places - 1)), Probes);

    // 0, which is no IOVA that is handed out, stands for nobody.
    private struct Place
    {
        public ulong Iova;
        public IovaRange Range;
        public Action? Gone;
    }

    private readonly record struct Entry(IovaRange Range, Action? Gone, int Count);
}
