namespace IommuKit.Traces;

/// <summary>
/// Some pieces of a <see cref="LiveSet"/>, in order: few enough to be compared, and moved up and down, faster than links could be followed.
/// </summary>
internal sealed class PieceChunk
{
    public const int Capacity = 32;

    private readonly ulong[] _firsts = new ulong[Capacity];
    private readonly SortedKeys _lasts = new(Capacity);

    public int Count => _lasts.Count;

    /// <summary>The last IOVA; 0 if there is none.</summary>
    public ulong Last => Count == 0 ? 0 : _lasts[Count - 1];

    public Piece this[int index] => new(_firsts[index], _lasts[index]);

    /// <summary>The first piece that ends there or later; <see cref="Count"/> if there is none.</summary>
    public int Find(ulong iova) => _lasts.CountBelow(iova);

    /// <summary>How many pieces from one on start there or earlier.</summary>
    public int CountTo(int index, ulong iova)
    {
        int end = index;
        while (end < Count && _firsts[end] <= iova)
        {
            end++;
        }

        return end - index;
    }

    /// <summary>Whether some pieces, of which the first may end before a range, have anything of it.</summary>
    public bool HasAny(int index, int count, ulong first, ulong last)
    {
        int end = index + count;
        index += index < end && _lasts[index] < first ? 1 : 0;
        return index < end && _firsts[index] <= last;
    }

    /// <summary>How many bytes of a range some pieces have.</summary>
    public ulong Overlap(int index, int count, ulong first, ulong last)
    {
        ulong bytes = 0;
        for (int i = index; i < index + count; i++)
        {
            var piece = this[i];
            bytes += piece.Last < first || piece.First > last ? 0 : Math.Min(piece.Last, last) - Math.Max(piece.First, first) + 1;
        }

        return bytes;
    }

    /// <summary>Puts pieces in the place of others; there has to be room.</summary>
    public void Replace(int index, int count, ReadOnlySpan<Piece> pieces)
    {
        if (pieces.Length != count)
        {
            _firsts.AsSpan((index + count)..Count).CopyTo(_firsts.AsSpan(index + pieces.Length));
            _lasts.Resize(index, count, pieces.Length);
        }

        for (int i = 0; i < pieces.Length; i++)
        {
            _firsts[index + i] = pieces[i].First;
            _lasts[index + i] = pieces[i].Last;
        }
    }

    /// <summary>Moves the upper half to an empty chunk.</summary>
    public void MoveHalfTo(PieceChunk other)
    {
        int half = Count / 2;
        other.Take(this, half);
        _lasts.Resize(half, Count - half, 0);
    }

    /// <summary>Takes all pieces of the chunk that follows; there has to be room.</summary>
    public void TakeAll(PieceChunk next)
    {
        Take(next, 0);
        next._lasts.Resize(0, next.Count, 0);
    }

    private void Take(PieceChunk from, int index)
    {
        from._firsts.AsSpan(index..from.Count).CopyTo(_firsts.AsSpan(Count));
        _lasts.Append(from._lasts, index);
    }
}
