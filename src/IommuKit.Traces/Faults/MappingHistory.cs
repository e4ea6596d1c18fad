namespace IommuKit.Traces.Faults;

/// <summary>
/// Remembers of every IOVA of a trace when it was last mapped and unmapped. What it needs is bounded: of too many ranges the ones are forgotten
/// that were unmapped longest ago.
/// </summary>
internal sealed class MappingHistory
{
    // Each piece has some 170 bytes.
    private const int DefaultMaxPieces = 1 << 18;

    // What one map or unmap may keep apart. Beyond that its pages get one history, that of the newest among them.
    private const int MaxParts = 64;

    private readonly int _maxPieces;
    private readonly RangeTree _tree = new();
    private readonly List<(ulong First, ulong Last, Piece Piece)> _parts = [];
    private readonly Queue<(ulong First, long Line)> _dead = new();
    private readonly Stack<int> _free = new();
    private Piece[] _pieces = new Piece[64];
    private int _used;

    /// <summary>Starts with nothing.</summary>
    /// <param name="maxPieces">How many ranges are remembered.</param>
    public MappingHistory(int maxPieces = DefaultMaxPieces) => _maxPieces = maxPieces;

    /// <summary>Ranges that were forgotten.</summary>
    public long Forgotten { get; private set; }

    /// <summary>Maps over pages that are mapped: several domains have the same IOVAs, or unmaps are missing.</summary>
    public long MapsOverLive { get; private set; }

    /// <summary>Unmaps of pages that were not seen mapped.</summary>
    public long Orphans { get; private set; }

    /// <summary>Takes a map.</summary>
    public void Map(in MappingMoment map)
    {
        if (TryGetWhole(map.First, map.Last, out int slot))
        {
            var whole = _pieces[slot];
            MapsOverLive += whole.Depth > 0 ? 1 : 0;
            _pieces[slot] = whole.Mapped(map);
            return;
        }

        bool isOver = false;
        TakeOut(map.First, map.Last);
        for (int part = 0; part < _parts.Count; part++)
        {
            var (first, last, piece) = _parts[part];
            isOver |= piece.Depth > 0;
            _parts[part] = (first, last, piece.Mapped(map));
        }

        MapsOverLive += isOver ? 1 : 0;
        PutBack();
    }

    /// <summary>Takes an unmap.</summary>
    public void Unmap(in MappingMoment unmap)
    {
        if (TryGetWhole(unmap.First, unmap.Last, out int slot))
        {
            var whole = _pieces[slot];
            Orphans += whole.Depth > 0 ? 0 : 1;
            _pieces[slot] = whole.Unmapped(unmap);
            if (whole.Depth <= 1)
            {
                Bury(unmap.First, unmap.Line);
            }

            return;
        }

        bool wasLive = false;
        TakeOut(unmap.First, unmap.Last);
        for (int part = 0; part < _parts.Count; part++)
        {
            var (first, last, piece) = _parts[part];
            wasLive |= piece.Depth > 0;
            _parts[part] = (first, last, piece.Unmapped(unmap));
            if (piece.Depth <= 1)
            {
                Bury(first, unmap.Line);
            }
        }

        Orphans += wasLive ? 0 : 1;
        PutBack();
    }

    /// <summary>Takes note of the domain that was invalidated after an unmap.</summary>
    public void NoteDomain(in MappingMoment unmap, ushort domain)
    {
        ulong from = unmap.First;
        for (int part = 0; part < MaxParts && _tree.TryFind(from, unmap.Last, out var range); part++)
        {
            var piece = _pieces[range.Value];
            if (piece.Unmap.Line == unmap.Line)
            {
                _pieces[range.Value] = piece with { UnmapDomain = domain };
            }

            if (range.Last >= unmap.Last)
            {
                break;
            }

            from = range.Last + 1;
        }
    }

    /// <summary>Whether anything is known of the page at an IOVA, or of the page before it.</summary>
    public bool IsSeen(ulong iova)
    {
        ulong first = iova & ~SmallPage.Mask;
        return _tree.TryFind(first - Math.Min(first, SmallPage.Bytes), first | SmallPage.Mask, out _);
    }

    /// <summary>What is known of the page at an IOVA, as it was at a line of the trace not long ago.</summary>
    /// <param name="iova">The IOVA.</param>
    /// <param name="line">The line; what comes after it does not count. Of each page one map and one unmap after it can be told from those
    /// before.</param>
    public PageState At(ulong iova, long line = long.MaxValue)
    {
        ulong first = iova & ~SmallPage.Mask;
        ulong last = first | SmallPage.Mask;
        var below = first != 0 && _tree.TryFind(first - 1, first - 1, out var range) ? _pieces[range.Value].Until(line) : default;
        var above = last != ulong.MaxValue && _tree.TryFind(last + 1, last + 1, out range) ? _pieces[range.Value].Until(line) : default;
        var piece = _tree.TryFind(first, last, out range) ? _pieces[range.Value].Until(line) : default;
        return new PageState(piece.Map, piece.Unmap, piece.Depth, below.Depth > 0 ? below.Map : default, above.Depth > 0 ? above.Map : default)
        {
            UnmapDomain = piece.Unmap.IsKnown ? piece.UnmapDomain : -1,
        };
    }

    /// <summary>Finds the slot of a piece that is exactly a range, as nearly all are that drivers map and unmap again and again.</summary>
    private bool TryGetWhole(ulong first, ulong last, out int slot)
    {
        bool isFound = _tree.TryFind(first, first, out var range) && range.First == first && range.Last == last;
        slot = range.Value;
        return isFound;
    }

    /// <summary>Takes note of a range that can be forgotten.</summary>
    private void Bury(ulong first, long line)
    {
        _dead.Enqueue((first, line));
        if (_dead.Count <= 4 * _maxPieces)
        {
            return;
        }

        // Ranges that were mapped again or forgotten are in the queue still.
        for (int entry = _dead.Count; entry > 0; entry--)
        {
            var dead = _dead.Dequeue();
            if (IsDead(dead, out _))
            {
                _dead.Enqueue(dead);
            }
        }
    }

    /// <summary>Takes what is known of a window out of the tree, to be changed; gaps are pieces of which nothing is known.</summary>
    private void TakeOut(ulong first, ulong last)
    {
        _parts.Clear();
        ulong next = first;
        bool isWhole = false;
        while (_tree.TryFind(first, last, out var range))
        {
            var piece = _pieces[range.Value];
            _tree.Remove(range);
            _free.Push(range.Value);
            if (range.First < first)
            {
                Put(range.First, first - 1, piece);
            }

            if (range.Last > last)
            {
                Put(last + 1, range.Last, piece);
            }

            ulong from = Math.Max(range.First, first);
            if (from > next)
            {
                Part(next, from - 1, default);
            }

            ulong to = Math.Min(range.Last, last);
            Part(from, to, piece);
            isWhole = to == last;
            next = to + 1;
        }

        if (!isWhole)
        {
            Part(next, last, default);
        }
    }

    private void Part(ulong first, ulong last, in Piece piece)
    {
        if (_parts.Count > 0)
        {
            var (start, _, before) = _parts[^1];
            bool isSame = before.Map.Line == piece.Map.Line && before.Unmap.Line == piece.Unmap.Line && before.Depth == piece.Depth;
            if (isSame || _parts.Count == MaxParts)
            {
                bool isNewer = Math.Max(piece.Map.Line, piece.Unmap.Line) > Math.Max(before.Map.Line, before.Unmap.Line);
                _parts[^1] = (start, last, isNewer ? piece : before);
                Forgotten += isSame ? 0 : 1;
                return;
            }
        }

        _parts.Add((first, last, piece));
    }

    private void PutBack()
    {
        foreach (var (first, last, piece) in _parts)
        {
            Put(first, last, piece);
        }

        while (_tree.Count > _maxPieces)
        {
            Forget();
        }
    }

    private void Forget()
    {
        while (_dead.TryDequeue(out var dead))
        {
            if (IsDead(dead, out var range))
            {
                _tree.Remove(range);
                _free.Push(range.Value);
                Forgotten++;
                return;
            }
        }

        // Everything is mapped, or in pieces of what was split since.
        if (_tree.TryFind(0, ulong.MaxValue, out var first))
        {
            _tree.Remove(first);
            _free.Push(first.Value);
            Forgotten++;
        }
    }

    private bool IsDead((ulong First, long Line) dead, out RangeTree.Range range) =>
        _tree.TryFind(dead.First, dead.First, out range) && range.First == dead.First
            && _pieces[range.Value].Depth == 0 && _pieces[range.Value].Unmap.Line == dead.Line;

    private void Put(ulong first, ulong last, in Piece piece)
    {
        if (!_free.TryPop(out int slot))
        {
            if (_used == _pieces.Length)
            {
                Array.Resize(ref _pieces, 2 * _used);
            }

            slot = _used++;
        }

        _pieces[slot] = piece;
        _tree.Add(new RangeTree.Range(first, last, slot));
    }

    /// <summary>What is known of a range.</summary>
    private readonly record struct Piece(
        MappingMoment Map, MappingMoment Unmap, int Depth, int UnmapDomain, MappingMoment MapBefore, MappingMoment UnmapBefore)
    {
        public Piece Mapped(in MappingMoment map) => this with { Map = map, MapBefore = Map, Depth = Depth + 1 };

        public Piece Unmapped(in MappingMoment unmap) =>
            this with { Unmap = unmap, UnmapBefore = Unmap, UnmapDomain = -1, Depth = Math.Max(Depth - 1, 0) };

        /// <summary>Without what came after a line.</summary>
        public Piece Until(long line)
        {
            bool isMapLater = Map.Line > line;
            bool isUnmapLater = Unmap.Line > line;
            return !isMapLater && !isUnmapLater ? this : this with
            {
                Map = !isMapLater ? Map : MapBefore.Line <= line ? MapBefore : default,
                Unmap = !isUnmapLater ? Unmap : UnmapBefore.Line <= line ? UnmapBefore : default,
                UnmapDomain = isUnmapLater ? -1 : UnmapDomain,
                Depth = Math.Max(Depth - (isMapLater ? 1 : 0) + (isUnmapLater ? 1 : 0), 0),
            };
        }
    }
}
