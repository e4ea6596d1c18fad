namespace IommuKit.Linux.Bench;

/// <summary>Memory of this process, all of it there, made of one kind of pages.</summary>
internal sealed class BenchMemory : IDisposable
{
    private readonly HostMapping _mapping;

    private unsafe BenchMemory(BenchPages pages, void* address, ulong length)
    {
        Pages = pages;
        _mapping = new HostMapping(address, length);
    }

    /// <summary>What it is made of.</summary>
    public BenchPages Pages { get; }

    /// <summary>Its first address.</summary>
    public ulong Address => _mapping.Address;

    /// <summary>Takes memory.</summary>
    /// <param name="pages">Of which pages.</param>
    /// <param name="length">Bytes.</param>
    /// <returns>Null if there is none of that kind.</returns>
    public static unsafe BenchMemory? TryTake(BenchPages pages, ulong length)
    {
        ulong granule = pages == BenchPages.Huge ? HugePages.SizeIn(HostFiles.OfThisMachine()) ?? 0 : (ulong)Environment.SystemPageSize;
        if (granule == 0)
        {
            return null;
        }

        length = (length + granule - 1) & ~(granule - 1);
        void* address = pages == BenchPages.Huge ? HostMappings.OfMemory(length, isHuge: true, out _) : HostMappings.OfUntouchedMemory(length);
        if (address is null)
        {
            return null;
        }

        var memory = new BenchMemory(pages, address, length);
        memory.Touch(length, granule);
        return memory;
    }

    /// <inheritdoc/>
    public void Dispose() => _mapping.Dispose();

    /// <summary>Writes to each page, in random order: so few of them follow each other in physical memory too.</summary>
    private void Touch(ulong length, ulong granule)
    {
        ulong[] pages = new ulong[length / granule];
        for (int i = 0; i < pages.Length; i++)
        {
            pages[i] = (ulong)i * granule;
        }

        new Random(1).Shuffle(pages);
        foreach (ulong page in pages)
        {
            _mapping.View.Span(page, 1)[0] = 1;
        }
    }
}
