namespace IommuKit.Lab.Traces;

/// <summary>Some pieces of a <see cref="LiveSet"/>, in order: few enough to be moved up and down faster than links could be followed.</summary>
internal sealed class PieceChunk
{
    public const int Capacity = 128;

    private readonly Piece[] _pieces = new Piece[Capacity];

    public int Count { get; private set; }

    /// <summary>The last IOVA; 0 if there is none.</summary>
    public ulong Last => Count == 0 ? 0 : _pieces[Count - 1].Last;

    public Piece this[int index] => _pieces[index];

    /// <summary>The first piece that ends there or later; <see cref="Count"/> if there is none.</summary>
    public int Find(ulong iova)
    {
        // Without branches, which nothing could foresee.
        int low = 0;
        for (int left = Count; left > 0;)
        {
            int half = (left + 1) >> 1;
            low += _pieces[low + half - 1].Last < iova ? half : 0;
            left -= half;
        }

        return low;
    }

    /// <summary>How many pieces from one on start there or earlier.</summary>
    public int CountTo(int index, ulong iova)
    {
        int end = index;
        while (end < Count && _pieces[end].First <= iova)
        {
            end++;
        }

        return end - index;
    }

    /// <summary>How many bytes of a range some pieces have.</summary>
    public ulong Overlap(int index, int count, ulong first, ulong last)
    {
        ulong bytes = 0;
        foreach (var piece in _pieces.AsSpan(index, count))
        {
            bytes += piece.Last < first || piece.First > last ? 0 : Math.Min(piece.Last, last) - Math.Max(piece.First, first) + 1;
        }

        return bytes;
    }

    /// <summary>Puts pieces in the place of others; there has to be room.</summary>
    public void Replace(int index, int count, ReadOnlySpan<Piece> pieces)
    {
        if (pieces.Length != count)
        {
            _pieces.AsSpan((index + count)..Count).CopyTo(_pieces.AsSpan(index + pieces.Length));
            Count += pieces.Length - count;
        }

        pieces.CopyTo(_pieces.AsSpan(index));
    }

    /// <summary>Moves the upper half to an empty chunk.</summary>
    public void MoveHalfTo(PieceChunk other)
    {
        int half = Count / 2;
        _pieces.AsSpan(half..Count).CopyTo(other._pieces);
        other.Count = Count - half;
        Count = half;
    }

    /// <summary>Takes all pieces of the chunk that follows; there has to be room.</summary>
    public void Take(PieceChunk next)
    {
        next._pieces.AsSpan(0, next.Count).CopyTo(_pieces.AsSpan(Count));
        Count += next.Count;
        next.Count = 0;
    }
}
