namespace IommuKit.Traces;

/// <summary>
/// The IOVAs that a trace has mapped and not unmapped, by the byte and whatever the size of the pieces. Its memory
/// grows with the pieces, not with their size.
/// </summary>
public sealed class LiveSet
{
    // Pieces in order, that do not overlap or touch. There is at least one chunk; only it may be empty.
    private readonly List<PieceChunk> _chunks = [new()];

    // The last IOVA of each chunk.
    private readonly SortedKeys _ends = new(capacity: 32);

    // Chunks that became empty: a set whose size goes up and down allocates nothing.
    private readonly Stack<PieceChunk> _spare = new();

    // 0 also where all bytes that there are are in the set.
    private ulong _bytes;

    /// <summary>Makes an empty set.</summary>
    public LiveSet() => _ends.Resize(0, 0, 1);

    /// <summary>Separate pieces in the set: what its memory depends on.</summary>
    public int Pieces { get; private set; }

    /// <summary>Bytes in the set; one less where that would be 2 to the power of 64.</summary>
    public ulong Bytes => _bytes == 0 && Pieces != 0 ? ulong.MaxValue : _bytes;

    /// <summary>Adds a range.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <returns>How many bytes of it were in the set before.</returns>
    public ulong Add(ulong first, ulong last)
    {
        TryAdd(first, last, isOverToo: true, out ulong overlap);
        return overlap;
    }

    /// <summary>Adds a range of which nothing is in the set.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <returns>False if something is: then nothing was added.</returns>
    public bool TryAdd(ulong first, ulong last) => TryAdd(first, last, isOverToo: false, out _);

    private bool TryAdd(ulong first, ulong last, bool isOverToo, out ulong overlap)
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
        overlap = chunk.Overlap(index, count, first, last);
        bool reachesOn = index + count == chunk.Count && at + 1 < _chunks.Count;
        if (!isOverToo && (chunk.HasAny(index, count, first, last) || (reachesOn && _chunks[at + 1][0].First <= last)))
        {
            return false;
        }

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
        _bytes += last - first + 1 - overlap;
        return true;
    }

    /// <summary>Finds the first part of a range that is in the set.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <param name="partFirst">First IOVA of the part.</param>
    /// <param name="partLast">Last IOVA of the part, up to which everything is in the set.</param>
    /// <returns>False if nothing of it is.</returns>
    public bool TryFindPart(ulong first, ulong last, out ulong partFirst, out ulong partLast)
    {
        var chunk = _chunks[FindChunk(first)];
        int index = chunk.Find(first);
        if (index == chunk.Count || chunk[index] is var piece && piece.First > last)
        {
            (partFirst, partLast) = (0, 0);
            return false;
        }

        (partFirst, partLast) = (Math.Max(piece.First, first), Math.Min(piece.Last, last));
        return true;
    }

    /// <summary>Removes a range.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <returns>How many bytes of it were in the set before.</returns>
    public ulong Remove(ulong first, ulong last)
    {
        ulong removed = 0;
        Span<Piece> rests = [default, default];
        while (true)
        {
            int at = FindChunk(first);
            var chunk = _chunks[at];
            int index = chunk.Find(first);
            int count = chunk.CountTo(index, last);
            if (count == 0)
            {
                break;
            }

            removed += chunk.Overlap(index, count, first, last);
            int rest = 0;
            if (chunk[index] is var head && head.First < first)
            {
                rests[rest++] = head with { Last = first - 1 };
            }

            var tail = chunk[index + count - 1];
            if (tail.Last > last)
            {
                rests[rest++] = tail with { First = last + 1 };
            }

            bool canGoOn = index + count == chunk.Count && tail.Last < last;
            Replace(at, index, count, rests[..rest]);
            if (!canGoOn)
            {
                break;
            }
        }

        _bytes -= removed;
        return removed;
    }

    /// <summary>The first chunk with a piece that ends there or later; the last chunk if there is none.</summary>
    private int FindChunk(ulong iova) => Math.Min(_ends.CountBelow(iova), _chunks.Count - 1);

    private void Replace(int at, int index, int count, ReadOnlySpan<Piece> pieces)
    {
        var chunk = _chunks[at];
        int more = pieces.Length - count;
        Pieces += more;
        if (chunk.Count + more > PieceChunk.Capacity)
        {
            // Only one piece more than before can be there: what is replaced does not reach from one half into the other.
            var upper = _spare.TryPop(out var spare) ? spare : new PieceChunk();
            chunk.MoveHalfTo(upper);
            Insert(at + 1, upper);
            _ends[at] = chunk.Last;
            if (index >= chunk.Count)
            {
                index -= chunk.Count;
                chunk = upper;
                at++;
            }
        }

        chunk.Replace(index, count, pieces);
        _ends[at] = chunk.Last;
        if (more < 0 && chunk.Count <= PieceChunk.Capacity / 4)
        {
            Shrink(at);
        }
    }

    /// <summary>Lets the number of chunks go with that of the pieces, after one lost some.</summary>
    private void Shrink(int at)
    {
        if (_chunks[at].Count == 0 && _chunks.Count > 1)
        {
            Remove(at);
        }
        else
        {
            Join(at);
            Join(at - 1);
        }
    }

    /// <summary>Makes one chunk of two that would half fill it.</summary>
    private void Join(int at)
    {
        if (at >= 0 && at + 1 < _chunks.Count && _chunks[at].Count + _chunks[at + 1].Count <= PieceChunk.Capacity / 2)
        {
            _chunks[at].TakeAll(_chunks[at + 1]);
            _ends[at] = _chunks[at].Last;
            Remove(at + 1);
        }
    }

    private void Insert(int at, PieceChunk chunk)
    {
        _chunks.Insert(at, chunk);
        _ends.Resize(at, 0, 1);
        _ends[at] = chunk.Last;
    }

    private void Remove(int at)
    {
        _spare.Push(_chunks[at]);
        _chunks.RemoveAt(at);
        _ends.Resize(at, 1, 0);
    }
}
