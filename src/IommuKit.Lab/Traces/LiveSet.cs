namespace IommuKit.Lab.Traces;

/// <summary>The IOVAs that a trace has mapped and not unmapped, by the byte and whatever the size of the pieces. Its memory grows with the pieces, not with their size.</summary>
public sealed class LiveSet
{
    // Pieces in order, that do not overlap or touch. There is at least one chunk; only it may be empty.
    private readonly List<PieceChunk> _chunks = [new()];

    // Chunks that became empty: a set whose size goes up and down allocates nothing.
    private readonly Stack<PieceChunk> _spare = new();

    /// <summary>Separate pieces in the set: what its memory depends on.</summary>
    public int Pieces { get; private set; }

    /// <summary>Bytes in the set.</summary>
    public ulong Bytes { get; private set; }

    /// <summary>Adds a range.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <returns>How many bytes of it were in the set before.</returns>
    public ulong Add(ulong first, ulong last)
    {
        // Neighbours are joined too.
        ulong near = first == 0 ? 0 : first - 1;
        ulong far = last == ulong.MaxValue ? last : last + 1;
        int at = FindChunk(near);
        var chunk = _chunks[at];
        int index = chunk.Find(near);
        int count = chunk.CountTo(index, far);
        ulong start = first;
        ulong end = last;
        ulong overlap = chunk.Overlap(index, count, first, last);
        if (count != 0)
        {
            start = Math.Min(start, chunk[index].First);
            end = Math.Max(end, chunk[index + count - 1].Last);
        }

        // Whatever lies in the chunks that follow goes into the same piece.
        while (index + count == chunk.Count && at + 1 < _chunks.Count && _chunks[at + 1].CountTo(0, far) is not 0 and int more)
        {
            var next = _chunks[at + 1];
            overlap += next.Overlap(0, more, first, last);
            end = Math.Max(end, next[more - 1].Last);
            Replace(at + 1, 0, more, []);
        }

        Replace(at, index, count, [new Piece(start, end)]);
        JoinAround(at);
        Bytes += last - first + 1 - overlap;
        return overlap;
    }

    /// <summary>Removes a range.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <returns>How many bytes of it were in the set before.</returns>
    public ulong Remove(ulong first, ulong last)
    {
        ulong removed = 0;
        Span<Piece> rests = stackalloc Piece[2];
        while (true)
        {
            int at = FindChunk(first);
            var chunk = _chunks[at];
            int index = chunk.Find(first);
            int count = chunk.CountTo(index, last);
            if (count == 0)
            {
                Bytes -= removed;
                return removed;
            }

            removed += chunk.Overlap(index, count, first, last);
            int rest = 0;
            if (chunk[index] is var head && head.First < first)
            {
                rests[rest++] = head with { Last = first - 1 };
            }

            if (chunk[index + count - 1] is var tail && tail.Last > last)
            {
                rests[rest++] = tail with { First = last + 1 };
            }

            Replace(at, index, count, rests[..rest]);
            JoinAround(at);
        }
    }

    /// <summary>The first chunk with a piece that ends there or later; the last chunk if there is none.</summary>
    private int FindChunk(ulong iova)
    {
        int low = 0;
        int high = _chunks.Count - 1;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_chunks[middle].Last < iova)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private void Replace(int at, int index, int count, ReadOnlySpan<Piece> pieces)
    {
        var chunk = _chunks[at];
        Pieces += pieces.Length - count;
        if (chunk.Count - count + pieces.Length > PieceChunk.Capacity)
        {
            // Only one piece more than before can be there: what is replaced does not reach from one half into the other.
            var upper = _spare.TryPop(out var spare) ? spare : new PieceChunk();
            chunk.MoveHalfTo(upper);
            _chunks.Insert(at + 1, upper);
            if (index >= chunk.Count)
            {
                index -= chunk.Count;
                chunk = upper;
            }
        }

        chunk.Replace(index, count, pieces);
        if (chunk.Count == 0 && _chunks.Count > 1)
        {
            _chunks.RemoveAt(at);
            _spare.Push(chunk);
        }
    }

    private void JoinAround(int at)
    {
        Join(at);
        Join(at - 1);
    }

    /// <summary>Makes one chunk of two that would half fill it, so that their number goes with that of the pieces.</summary>
    private void Join(int at)
    {
        if (at >= 0 && at + 1 < _chunks.Count && _chunks[at].Count + _chunks[at + 1].Count <= PieceChunk.Capacity / 2)
        {
            var upper = _chunks[at + 1];
            _chunks[at].Take(upper);
            _chunks.RemoveAt(at + 1);
            _spare.Push(upper);
        }
    }
}
