namespace IommuKit.Lab.Traces;

/// <summary>The IOVAs that a trace has mapped and not unmapped, by the byte and whatever the size of the pieces. Its memory grows with the pieces, not with their size.</summary>
public sealed class LiveSet
{
    // Pieces do not overlap or touch, so that pieces which do are equal for the search.
    private readonly SortedSet<Piece> _pieces = new(Comparer<Piece>.Create(
        (left, right) => left.Last < right.First ? -1 : left.First > right.Last ? 1 : 0));

    /// <summary>Separate pieces in the set: what its memory depends on.</summary>
    public int Pieces => _pieces.Count;

    /// <summary>Bytes in the set.</summary>
    public ulong Bytes { get; private set; }

    /// <summary>Adds a range.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <returns>How many bytes of it were in the set before.</returns>
    public ulong Add(ulong first, ulong last)
    {
        ulong overlap = 0;
        var merged = new Piece(first, last);

        // Neighbours are joined too.
        var near = new Piece(first == 0 ? 0 : first - 1, last == ulong.MaxValue ? last : last + 1);
        while (_pieces.TryGetValue(near, out var piece))
        {
            _pieces.Remove(piece);
            overlap += Overlap(piece, first, last);
            merged = new Piece(Math.Min(merged.First, piece.First), Math.Max(merged.Last, piece.Last));
        }

        _pieces.Add(merged);
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
        var range = new Piece(first, last);
        while (_pieces.TryGetValue(range, out var piece))
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
        }

        Bytes -= removed;
        return removed;
    }

    private static ulong Overlap(Piece piece, ulong first, ulong last) =>
        piece.Last < first || piece.First > last ? 0 : Math.Min(piece.Last, last) - Math.Max(piece.First, first) + 1;

    private readonly record struct Piece(ulong First, ulong Last);
}
