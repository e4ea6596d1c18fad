namespace IommuKit.Traces.Audit;

/// <summary>
/// What was unmapped and not invalidated since: the pages through which a device may still reach memory that is no longer its own. Memory is bounded:
/// when there are more pieces than any deferred queue holds, all are given up and counted.
/// </summary>
internal sealed class StaleSet
{
    private const int MaxPieces = 1 << 18;

    // A piece's value is the index of its unmap. Each unmap that is in the set has at least one piece, so that there are not more of them.
    private readonly RangeTree _pieces = new();
    private StaleUnmap[] _unmaps = new StaleUnmap[64];
    private int[] _free = new int[64];
    private int _freeCount;
    private int _used;

    /// <summary>Bytes in the set.</summary>
    public ulong Bytes => _pieces.Length;

    /// <summary>Whether the set is empty.</summary>
    public bool IsEmpty => _pieces.Count == 0;

    /// <summary>Unmaps that are in the set.</summary>
    public int Unmaps => _used - _freeCount;

    /// <summary>Unmaps that were given up.</summary>
    public long GivenUp { get; private set; }

    /// <summary>Unmaps of which all pages were unmapped again before an invalidation, so that only the later unmaps are followed.</summary>
    public long Superseded { get; private set; }

    /// <summary>Puts in the pages of an unmap.</summary>
    public void Add(ulong first, ulong last, in StaleUnmap unmap)
    {
        while (TryTake(first, last, out _, out var earlier))
        {
            Superseded += earlier.Remaining == 0 ? 1 : 0;
        }

        if (_pieces.Count >= MaxPieces)
        {
            GiveUp();
        }

        int index = NewIndex();
        _unmaps[index] = unmap;
        _pieces.Add(new RangeTree.Range(first, last, index));
    }

    /// <summary>How many bytes of a range are in the set.</summary>
    public ulong BytesIn(ulong first, ulong last) => _pieces.LengthIn(first, last);

    /// <summary>Takes out the first piece in a range, cut to it.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <param name="taken">What was taken.</param>
    /// <param name="unmap">The unmap that it is of; nothing of it remains if it has no bytes any more.</param>
    /// <returns>False if there is none.</returns>
    public bool TryTake(ulong first, ulong last, out RangeTree.Range taken, out StaleUnmap unmap)
    {
        if (!_pieces.TryFind(first, last, out var piece))
        {
            taken = default;
            unmap = default;
            return false;
        }

        taken = new RangeTree.Range(Math.Max(piece.First, first), Math.Min(piece.Last, last), piece.Value);
        Take(piece, first, last, out unmap);
        return true;
    }

    /// <summary>Takes out everything, as nothing can be known about it any more.</summary>
    public void GiveUp()
    {
        GivenUp += Unmaps;
        _pieces.Clear();
        _used = 0;
        _freeCount = 0;
    }

    private void Take(in RangeTree.Range piece, ulong first, ulong last, out StaleUnmap unmap)
    {
        _pieces.Remove(piece);
        if (piece.First < first)
        {
            _pieces.Add(piece with { Last = first - 1 });
        }

        if (piece.Last > last)
        {
            _pieces.Add(piece with { First = last + 1 });
        }

        ref var stored = ref _unmaps[piece.Value];
        stored = stored with { Remaining = stored.Remaining - (Math.Min(piece.Last, last) - Math.Max(piece.First, first) + 1) };
        unmap = stored;
        if (unmap.Remaining == 0)
        {
            if (_freeCount == _free.Length)
            {
                Array.Resize(ref _free, 2 * _freeCount);
            }

            _free[_freeCount++] = piece.Value;
        }
    }

    private int NewIndex()
    {
        if (_freeCount != 0)
        {
            return _free[--_freeCount];
        }

        if (_used == _unmaps.Length)
        {
            Array.Resize(ref _unmaps, 2 * _used);
        }

        return _used++;
    }
}
