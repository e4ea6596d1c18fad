namespace IommuKit.Traces.Audit;

/// <summary>
/// A set of IOVAs that can say how many bytes of a range are in it, which <see cref="LiveSet"/> cannot. Its memory
/// grows with the pieces, not with their size.
/// </summary>
internal sealed class SummedSet
{
    // Pieces do not overlap or touch.
    private readonly RangeTree _pieces = new();

    /// <summary>Separate pieces in the set: what its memory depends on.</summary>
    public int Pieces => _pieces.Count;

    /// <summary>Bytes in the set; one less where that would be 2 to the power of 64.</summary>
    public ulong Bytes => _pieces.Length == 0 && _pieces.Count != 0 ? ulong.MaxValue : _pieces.Length;

    /// <summary>Adds a range.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <returns>How many bytes of it were in the set before.</returns>
    public ulong Add(ulong first, ulong last)
    {
        ulong overlap = 0;
        ulong start = first;
        ulong end = last;

        // Neighbours are joined too.
        ulong near = first == 0 ? 0 : first - 1;
        ulong far = last == ulong.MaxValue ? last : last + 1;
        while (_pieces.TryFind(near, far, out var piece))
        {
            _pieces.Remove(piece);
            overlap += Overlap(piece, first, last);
            start = Math.Min(start, piece.First);
            end = Math.Max(end, piece.Last);
        }

        _pieces.Add(new RangeTree.Range(start, end));
        return overlap;
    }

    /// <summary>Removes a range.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <returns>How many bytes of it were in the set before.</returns>
    public ulong Remove(ulong first, ulong last)
    {
        ulong removed = 0;
        while (_pieces.TryFind(first, last, out var piece))
        {
            _pieces.Remove(piece);
            removed += Overlap(piece, first, last);
            if (piece.First < first)
            {
                _pieces.Add(piece with { Last = first - 1 });
            }

            if (piece.Last > last)
            {
                _pieces.Add(piece with { First = last + 1 });
            }

            if (piece.Last >= last)
            {
                break;
            }
        }

        return removed;
    }

    /// <summary>How many bytes of a range are in the set.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    public ulong BytesIn(ulong first, ulong last) => _pieces.LengthIn(first, last);

    /// <summary>Whether something of a range is in the set.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    public bool HasAny(ulong first, ulong last) => _pieces.TryFind(first, last, out _);

    /// <summary>Empties the set.</summary>
    public void Clear() => _pieces.Clear();

    private static ulong Overlap(in RangeTree.Range piece, ulong first, ulong last) =>
        piece.Last < first || piece.First > last ? 0 : Math.Min(piece.Last, last) - Math.Max(piece.First, first) + 1;
}
