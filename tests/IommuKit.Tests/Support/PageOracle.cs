using IommuKit.PageTables;

namespace IommuKit.Tests.Support;

/// <summary>
/// What a page table must hold, page by page and table by table, by rules that are as simple as they can be: no entries, no bits.
/// </summary>
/// <param name="pageSizes">Bit n set means pages of 2^n bytes.</param>
/// <param name="entryShifts">Log2 of what an entry covers, from the leaves' level to the root's.</param>
/// <param name="release">When tables go.</param>
/// <param name="splitsPages">Whether an unmap makes smaller pages of the rest of a page.</param>
internal sealed class PageOracle(ulong pageSizes, int[] entryShifts, TableRelease release, bool splitsPages)
{
    private readonly int[] _sizes = [.. Enumerable.Range(0, 64).Where(bit => (pageSizes >> bit & 1) != 0).Reverse()];

    // Equal pages that follow each other on both sides, sorted.
    private readonly List<Run> _runs = [];

    private readonly HashSet<(int Level, ulong Start)> _tables = [];

    /// <summary>Tables below the root.</summary>
    public int Tables => _tables.Count;

    public bool CanMap(ulong iova, ulong size) => !_runs.Any(run => run.Start - iova < size || iova - run.Start < run.Bytes);

    /// <summary>The largest page that fits, again and again.</summary>
    public void Map(ulong iova, ulong address, ulong size)
    {
        ulong start = iova;
        ulong total = size;
        while (size != 0)
        {
            int log2 = _sizes.First(log2 => 1ul << log2 <= size && ((iova | address) & ((1ul << log2) - 1)) == 0);
            AddPage(iova, address, log2);
            iova += 1ul << log2;
            address += 1ul << log2;
            size -= 1ul << log2;
        }

        _runs.Sort((left, right) => left.Start.CompareTo(right.Start));
        foreach (var run in _runs.Where(run => run.Log2 >= entryShifts[1] && run.Start - start < total))
        {
            _tables.RemoveWhere(table => entryShifts[table.Level + 1] <= run.Log2 && table.Start - run.Start < run.Bytes);
        }
    }

    /// <summary>Takes away what an unmap takes away, and says how much that is.</summary>
    public ulong Unmap(ulong iova, ulong size)
    {
        ulong last = iova + (size - 1);
        ulong next = iova;
        ulong step;
        do
        {
            step = StepAt(next, last);
            next += step;
        }
        while (step != 0 && next - 1 < last);

        Remove(iova, next - iova);
        if (release == TableRelease.WhenEmpty)
        {
            _tables.RemoveWhere(table => CanMap(table.Start, 1ul << entryShifts[table.Level + 1]));
        }

        return next - iova;
    }

    public bool TryFind(ulong iova, out ulong physical, out int log2)
    {
        int index = _runs.FindIndex(run => iova - run.Start < run.Bytes);
        physical = index < 0 ? 0 : _runs[index].Address + (iova - _runs[index].Start);
        log2 = index < 0 ? 0 : _runs[index].Log2;
        return index >= 0;
    }

    public bool TryFindNext(ulong iova, out ulong mapped)
    {
        int index = _runs.FindIndex(run => run.Start >= iova || iova - run.Start < run.Bytes);
        mapped = index < 0 ? 0 : Math.Max(_runs[index].Start, iova);
        return index >= 0;
    }

    /// <summary>Every place where pages of one kind start, with the one before and the last.</summary>
    public IEnumerable<ulong> Edges() =>
        _runs.SelectMany(run => new[] { run.Start - 1, run.Start, run.Start + (run.Bytes - 1), run.Start + run.Bytes });

    private int LevelOf(int log2) => Enumerable.Range(0, entryShifts.Length).Last(level => entryShifts[level] <= log2);

    private void AddPage(ulong iova, ulong address, int log2)
    {
        if (_runs.Count != 0 && _runs[^1] is var run && run.Log2 == log2 && run.Start + run.Bytes == iova && run.Address + run.Bytes == address)
        {
            _runs[^1] = run with { Count = run.Count + 1 };
        }
        else
        {
            _runs.Add(new Run(iova, address, log2, 1));
        }

        for (int level = LevelOf(log2); level < entryShifts.Length - 1; level++)
        {
            if (!_tables.Add((level, Aligned(iova, entryShifts[level + 1]))))
            {
                break;
            }
        }
    }

    /// <summary>How far an unmap comes in one step: over a table, over a page, or not at all.</summary>
    private ulong StepAt(ulong at, ulong last)
    {
        for (int level = entryShifts.Length - 2; level >= 0 && release == TableRelease.WhenCovered; level--)
        {
            ulong span = 1ul << entryShifts[level + 1];
            if (last - at >= span - 1 && _tables.Contains((level, at)))
            {
                _tables.RemoveWhere(table => table.Level <= level && table.Start - at < span);
                return span;
            }
        }

        while (TryFind(at, out ulong physical, out int log2))
        {
            ulong start = Aligned(at, log2);
            ulong size = 1ul << log2;
            bool isPartial = start != at || last - at < size - 1;
            if (!splitsPages || !isPartial)
            {
                return start == at ? size : 0;
            }

            Split(start, Aligned(physical, log2), log2);
        }

        return 0;
    }

    /// <summary>A group becomes its entries; an entry becomes a table of entries.</summary>
    private void Split(ulong start, ulong address, int log2)
    {
        int level = LevelOf(log2);
        int smaller = entryShifts[level] == log2 ? entryShifts[level - 1] : entryShifts[level];
        Remove(start, 1ul << log2);
        if (smaller < entryShifts[level])
        {
            _tables.Add((level - 1, start));
        }

        _runs.Add(new Run(start, address, smaller, 1ul << (log2 - smaller)));
        _runs.Sort((left, right) => left.Start.CompareTo(right.Start));
    }

    private void Remove(ulong iova, ulong size)
    {
        if (size == 0)
        {
            return;
        }

        foreach (var run in _runs.Where(run => run.Start - iova < size || iova - run.Start < run.Bytes).ToList())
        {
            _runs.Remove(run);
            if (run.Start < iova)
            {
                _runs.Add(run with { Count = (iova - run.Start) >> run.Log2 });
            }

            ulong end = iova + size;
            if (run.Start + (run.Bytes - 1) > end - 1)
            {
                ulong gone = end - run.Start;
                _runs.Add(new Run(end, run.Address + gone, run.Log2, run.Count - (gone >> run.Log2)));
            }
        }

        _runs.Sort((left, right) => left.Start.CompareTo(right.Start));
    }

    private static ulong Aligned(ulong number, int log2) => number & (ulong.MaxValue << log2);

    private readonly record struct Run(ulong Start, ulong Address, int Log2, ulong Count)
    {
        public ulong Bytes => Count << Log2;
    }
}
