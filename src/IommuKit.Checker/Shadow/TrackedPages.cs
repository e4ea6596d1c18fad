using System.Numerics;
using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Shadow;

/// <summary>
/// The pages that a checker looks at, and where in a table the entries are that translate them. Table memory is divided into cells of the size of the
/// smallest table; an entry that matters has a number made of its cell and of its place in it.
/// </summary>
/// <typeparam name="TFormat">The format of the tables.</typeparam>
internal sealed class TrackedPages<TFormat>
    where TFormat : struct, IPageTableFormat
{
    /// <summary>The most cells that table memory can have: a set of them is a word.</summary>
    public const int MaxCells = 64;

    /// <summary>Tables of all levels at four places, in two domains, and some that wait to be given back.</summary>
    public const int TablesAtEnds = 60;

    private readonly ulong[] _pages;
    private readonly int[] _slots;
    private readonly int[] _cells;
    private readonly ulong[] _addresses;
    private readonly ulong _poolStart;

    public TrackedPages(IReadOnlyList<ulong> pages, int inputBits, int outputBits, ulong poolStart, ulong poolBytes)
    {
        if (!TFormat.TryGetRoot(inputBits, out int rootLevel, out int rootBits))
        {
            throw new ArgumentOutOfRangeException(nameof(inputBits), $"{TFormat.Name} has no root for {inputBits} bits.");
        }

        if (TFormat.HasLowerRoot(outputBits, rootLevel, rootBits))
        {
            throw new ArgumentOutOfRangeException(nameof(outputBits), $"Roots of {TFormat.Name} that are one level lower are not followed.");
        }

        RootLevel = rootLevel;
        RootBytes = 1ul << (rootBits + TFormat.EntrySizeLog2);
        CellLog2 = rootBits + TFormat.EntrySizeLog2;
        for (int level = 0; level < rootLevel; level++)
        {
            CellLog2 = Math.Min(CellLog2, TableLog2(level));
        }

        _poolStart = poolStart;
        PoolBytes = poolBytes;
        Cells = (int)(poolBytes >> CellLog2);
        if (Cells is 0 or > MaxCells)
        {
            throw new ArgumentOutOfRangeException(
                nameof(poolBytes), $"Table memory has 1 to {MaxCells} tables of 0x{1 << CellLog2:x} bytes, not {Cells}.");
        }

        _pages = [.. pages];
        _slots = new int[(rootLevel + 1) * _pages.Length];
        _cells = new int[_slots.Length];
        var offsets = new List<int>();
        for (int level = 0; level <= rootLevel; level++)
        {
            int indexBits = level == rootLevel ? rootBits : TFormat.IndexBits(level);
            for (int page = 0; page < _pages.Length; page++)
            {
                ulong index = (_pages[page] >> TFormat.EntryShift(level)) & ((1ul << indexBits) - 1);
                int offset = (int)(index << TFormat.EntrySizeLog2);
                int inCell = offset & ((1 << CellLog2) - 1);
                int slot = offsets.IndexOf(inCell);
                if (slot < 0)
                {
                    slot = offsets.Count;
                    offsets.Add(inCell);
                }

                _slots[(level * _pages.Length) + page] = slot;
                _cells[(level * _pages.Length) + page] = offset >> CellLog2;
            }
        }

        Offsets = [.. offsets];
        _addresses = new ulong[Entries];
        for (int entry = 0; entry < _addresses.Length; entry++)
        {
            _addresses[entry] = CellStart(entry / Offsets.Length) + (ulong)Offsets[entry % Offsets.Length];
        }
    }

    /// <summary>How many pages there are.</summary>
    public int Count => _pages.Length;

    /// <summary>The level of the root table.</summary>
    public int RootLevel { get; }

    /// <summary>Bytes in a root table.</summary>
    public ulong RootBytes { get; }

    /// <summary>Log2 of the bytes in a cell.</summary>
    public int CellLog2 { get; }

    /// <summary>Cells of table memory.</summary>
    public int Cells { get; }

    /// <summary>Bytes of table memory.</summary>
    public ulong PoolBytes { get; }

    /// <summary>Places in a cell at which entries matter.</summary>
    public int[] Offsets { get; }

    /// <summary>Entries that matter.</summary>
    public int Entries => Cells * Offsets.Length;

    /// <summary>The first IOVA of a page.</summary>
    public ulong this[int page] => _pages[page];

    /// <summary>Log2 of the bytes in a table that is not the root.</summary>
    public static int TableLog2(int level) => TFormat.IndexBits(level) + TFormat.EntrySizeLog2;

    /// <summary>The number of the entry that translates a page in a table of some level; the table must be inside of table memory.</summary>
    public int EntryOf(int level, int cell, int page)
    {
        int at = (level * _pages.Length) + page;
        return ((cell + _cells[at]) * Offsets.Length) + _slots[at];
    }

    /// <summary>The cell where a table starts; negative if it is not a place where a whole table can be.</summary>
    public int CellOf(ulong table, int level)
    {
        ulong offset = table - _poolStart;
        ulong bytes = level == RootLevel ? RootBytes : 1ul << TableLog2(level);
        bool isInside = offset < PoolBytes && bytes <= PoolBytes - offset && (offset & ((1ul << CellLog2) - 1)) == 0;
        return isInside ? (int)(offset >> CellLog2) : -1;
    }

    /// <summary>The cell around an address, or a negative number.</summary>
    public int CellAt(ulong address) => address - _poolStart < PoolBytes ? (int)((address - _poolStart) >> CellLog2) : -1;

    /// <summary>The first address of a cell.</summary>
    public ulong CellStart(int cell) => _poolStart + ((ulong)cell << CellLog2);

    /// <summary>The cells of a table, one bit for each.</summary>
    public ulong CellsOf(int level, int cell)
    {
        int count = (int)((level == RootLevel ? RootBytes : 1ul << TableLog2(level)) >> CellLog2);
        return (count == MaxCells ? ulong.MaxValue : (1ul << count) - 1) << cell;
    }

    /// <summary>Whether an entry at some address has the place in its cell that entries for a page have, at some level.</summary>
    public bool IsOnTheWay(ulong address, int page)
    {
        int inCell = (int)((address - _poolStart) & ((1ul << CellLog2) - 1));
        for (int level = 0; level <= RootLevel; level++)
        {
            if (Offsets[_slots[(level * _pages.Length) + page]] == inCell)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The physical address of an entry.</summary>
    public ulong AddressOf(int entry) => _addresses[entry];

    /// <summary>The first and the last page that a range of IOVAs touches, as indices; pages are in ascending order.</summary>
    public (int First, int End) Range(ulong first, ulong last)
    {
        int start = Array.BinarySearch(_pages, first);
        start = start < 0 ? ~start : start;
        int end = start;
        while (end < _pages.Length && _pages[end] <= last)
        {
            end++;
        }

        return (start, end);
    }

    /// <summary>Bytes of table memory for some tables, or for as many as can be followed.</summary>
    public static ulong PoolBytesFor(int tables, int inputBits)
    {
        int cellLog2 = TFormat.TryGetRoot(inputBits, out int level, out int rootBits) ? rootBits + TFormat.EntrySizeLog2 : TableLog2(0);
        while (--level >= 0)
        {
            cellLog2 = Math.Min(cellLog2, TableLog2(level));
        }

        return Math.Min((ulong)tables << TableLog2(0), (ulong)MaxCells << cellLog2);
    }

    /// <summary>Bytes by which a root is larger than a table of the last level; 0 if it is not.</summary>
    public static ulong RootSurplus(int inputBits)
    {
        ulong table = 1ul << TableLog2(0);
        ulong root = TFormat.TryGetRoot(inputBits, out _, out int rootBits) ? 1ul << (rootBits + TFormat.EntrySizeLog2) : table;
        return root > table ? root - table : 0;
    }

    /// <summary>The smallest page size.</summary>
    public static ulong PageBytes => 1ul << BitOperations.TrailingZeroCount(TFormat.PageSizes);
}
