using System.Numerics;
using System.Runtime.CompilerServices;
using IommuKit.Specs.PageTables;

namespace IommuKit.PageTables;

/// <summary>
/// Walks a list of physical ranges and the IOVA range they are mapped to, in runs of equal pages. Neighbouring ranges that follow
/// each other physically are one. The list must have passed <see cref="PhysicalRanges.Check"/>.
/// </summary>
internal ref struct MapCursor
{
    private readonly ReadOnlySpan<PhysicalRange> _ranges;
    private readonly ulong _pageSizes;
    private readonly bool _joinsRanges;
    private int _nextRange;

    // What is left of the current physical piece.
    private ulong _contiguous;

    /// <summary>Starts at the first range.</summary>
    /// <param name="ranges">The list.</param>
    /// <param name="iova">What its first byte is mapped at.</param>
    /// <param name="pageSizes">The page sizes to choose from.</param>
    /// <param name="joinsRanges">
    /// Whether neighbours that follow each other physically are one. They need not be if there is one page size and each is made of whole pages.
    /// </param>
    public MapCursor(ReadOnlySpan<PhysicalRange> ranges, ulong iova, ulong pageSizes, bool joinsRanges)
    {
        _joinsRanges = joinsRanges;
        _ranges = ranges;
        _pageSizes = pageSizes;
        Iova = iova;
        NextRun();
    }

    /// <summary>The next IOVA to map.</summary>
    public ulong Iova { get; private set; }

    /// <summary>What it is mapped to.</summary>
    public ulong Address { get; private set; }

    /// <summary>Log2 of the size of the next pages.</summary>
    public int PageLog2 { get; private set; }

    /// <summary>How many pages of that size follow, physically one after the other; 0 at the end.</summary>
    public ulong Pages { get; private set; }

    /// <summary>
    /// Whether something is left to map at or before <paramref name="last"/>. Not to be asked before the first <see cref="Advance"/>.
    /// </summary>
    // IOVA 0 after an advance means that the end of the number space was reached.
    public readonly bool IsBefore(ulong last) => Pages != 0 && Iova - 1 < last;

    /// <summary>Moves over <paramref name="pages"/> pages, at most <see cref="Pages"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Advance(ulong pages)
    {
        ulong bytes = pages << PageLog2;
        Iova += bytes;
        Address += bytes;
        _contiguous -= bytes;
        Pages -= pages;
        if (Pages == 0)
        {
            NextRun();
        }
    }

    /// <summary>Whether every range is taken by itself, because there is one page size and each is made of whole pages.</summary>
    public readonly bool TakesRangesSingly => !_joinsRanges;

    /// <summary>
    /// Stores one leaf for each page, range after range, and moves over them: what a list of scattered pages comes down to. Only where ranges are
    /// taken singly, and a page is one entry of level 0.
    /// </summary>
    /// <param name="entries">The leaf table.</param>
    /// <param name="index">The first entry.</param>
    /// <param name="limit">The entry to stop before.</param>
    /// <param name="attributes">The bits of a leaf that do not depend on its address.</param>
    /// <returns>The entry after the last one that was stored.</returns>
    public int StorePages<TFormat>(ref byte entries, int index, int limit, ulong attributes)
        where TFormat : struct, IPageTableFormat
    {
        int shift = Layout<TFormat>.PageShift;
        int start = index;
        int nextRange = _nextRange;
        ulong address = Address;
        ulong pages = Pages;
        while (true)
        {
            int count = (int)Math.Min(pages, (ulong)(uint)(limit - index));
            ulong entry = TFormat.LeafEntry(address, attributes, 0, shift);
            if (count == 1)
            {
                Entries<TFormat>.Store(ref entries, index, entry);
            }
            else
            {
                Entries<TFormat>.Fill(ref entries, index, count, entry, TFormat.LeafStep(0));
            }

            index += count;
            pages -= (ulong)(uint)count;
            address += (ulong)(uint)count << shift;
            if (count == 1 && pages == 0)
            {
                // Where one range is a page, its neighbours often are too.
                int stored = ScatteredPages.Store<TFormat>(
                    ref Entries<TFormat>.EntryAt(ref entries, index), _ranges[nextRange..], limit - index, attributes);
                nextRange += stored;
                index += stored;
            }

            while (pages == 0 && nextRange < _ranges.Length)
            {
                ref readonly var range = ref _ranges[nextRange++];
                address = range.Address;
                pages = range.Length >> shift;
            }

            if (index == limit || pages == 0)
            {
                break;
            }
        }

        _nextRange = nextRange;
        _contiguous = pages << shift;
        Address = address;
        Pages = pages;
        Iova += (ulong)(uint)(index - start) << shift;
        return index;
    }

    private void NextRun()
    {
        if (!_joinsRanges)
        {
            NextRange();
            return;
        }

        if (_contiguous == 0)
        {
            JoinRanges();
        }

        if (_contiguous != 0)
        {
            PageLog2 = PageSizes.Select(_pageSizes, Iova, Address, _contiguous, out ulong pages);
            Pages = pages;
        }
    }

    private void NextRange()
    {
        while (_nextRange < _ranges.Length)
        {
            ref readonly var range = ref _ranges[_nextRange++];
            if (range.Length != 0)
            {
                PageLog2 = BitOperations.TrailingZeroCount(_pageSizes);
                Address = range.Address;
                _contiguous = range.Length;
                Pages = range.Length >> PageLog2;
                return;
            }
        }
    }

    private void JoinRanges()
    {
        while (_nextRange < _ranges.Length)
        {
            ref readonly var range = ref _ranges[_nextRange];
            if (_contiguous == 0)
            {
                Address = range.Address;
            }
            else if (range.Length != 0 && (range.Address != Address + _contiguous || range.Address == 0))
            {
                break;
            }

            _contiguous += range.Length;
            _nextRange++;
        }
    }
}
