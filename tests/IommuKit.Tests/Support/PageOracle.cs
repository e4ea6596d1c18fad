namespace IommuKit.Tests.Support;

/// <summary>What a page table must hold: the pages, one by one, as the kernel's rules make them.</summary>
internal sealed class PageOracle
{
    private const ulong Granule = 4096;

    private readonly SortedDictionary<ulong, (ulong Address, int Log2)> _pages = [];

    public bool Map(ulong iova, ulong address, ulong size, ulong bitmap)
    {
        if (_pages.Any(page => page.Key < iova + size && page.Key + (1ul << page.Value.Log2) > iova))
        {
            return false;
        }

        while (size != 0)
        {
            // The largest size that both addresses are aligned to and that is left, one page at a time.
            int log2 = 63;
            while ((bitmap >> log2 & 1) == 0 || iova % (1ul << log2) != 0 || address % (1ul << log2) != 0 || size < 1ul << log2)
            {
                log2--;
            }

            _pages.Add(iova, (address, log2));
            iova += 1ul << log2;
            address += 1ul << log2;
            size -= 1ul << log2;
        }

        return true;
    }

    /// <summary>How much an unmap takes away: whole pages, up to a hole or a page that the range starts inside of.</summary>
    public ulong CountUnmap(ulong iova, ulong size)
    {
        ulong next = iova;
        while (next - iova < size && _pages.TryGetValue(next, out var page))
        {
            next += 1ul << page.Log2;
        }

        return next - iova;
    }

    public void Remove(ulong iova, ulong size)
    {
        foreach (ulong start in _pages.Keys.Where(start => start >= iova && start - iova < size).ToList())
        {
            _pages.Remove(start);
        }
    }

    public bool TryFind(ulong iova, out ulong physical, out int log2)
    {
        foreach (var (start, page) in _pages)
        {
            if (iova >= start && iova - start < 1ul << page.Log2)
            {
                physical = page.Address + (iova - start);
                log2 = page.Log2;
                return true;
            }
        }

        physical = 0;
        log2 = 0;
        return false;
    }

    public bool TryFindNext(ulong iova, out ulong mapped)
    {
        foreach (var (start, page) in _pages)
        {
            if (start + (1ul << page.Log2) > iova)
            {
                mapped = Math.Max(start, iova);
                return true;
            }
        }

        mapped = 0;
        return false;
    }

    /// <summary>Places where a mistake of an operation on a range would show.</summary>
    public IEnumerable<ulong> Interesting(ulong iova, ulong size)
    {
        ulong[] near = [iova, iova + Granule, iova + size - 1, iova + size - Granule, iova + size, iova + size + Granule];
        return iova == 0 ? near : [.. near, iova - 1, iova - Granule];
    }
}
