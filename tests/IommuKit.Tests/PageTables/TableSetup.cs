using IommuKit.Domains;
using IommuKit.Drivers.Software;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Tests.PageTables;

/// <summary>A format, the widths to use it with, and the half of the IOVAs to use.</summary>
internal abstract record TableSetup(string Name, int InputBits, int OutputBits)
{
    public ulong PageSizes { get; init; }

    /// <summary>Whether tests work in the upper half of IOVAs that are sign-extended.</summary>
    public bool IsHigh { get; init; }

    public TableRelease Release { get; init; }

    public bool SplitsPages { get; init; }

    public bool TracksVisibility { get; init; }

    public ulong MemoryBytes { get; init; } = 16 << 20;

    /// <summary>The most blocks of memory that may be in use.</summary>
    public long MemoryLimit { get; init; } = long.MaxValue;

    public PageTableOptions Options => new()
    {
        InputBits = InputBits,
        OutputBits = OutputBits,
        PageSizes = PageSizes,
        Release = Release,
        SplitsPages = SplitsPages,
        TracksVisibility = TracksVisibility,
    };

    public abstract TestTable Make();

    /// <summary>A domain with such a page table, whose invalidations somebody listens to.</summary>
    public abstract IommuDomain MakeDomain(PageAllocator allocator, DomainOptions options);
}

internal sealed record TableSetup<TFormat>(string Name, int InputBits, int OutputBits) : TableSetup(Name, InputBits, OutputBits)
    where TFormat : struct, IPageTableFormat
{
    public override TestTable Make() => new TestTable<TFormat>(this);

    public override IommuDomain MakeDomain(PageAllocator allocator, DomainOptions options)
    {
        var software = new SoftwareIommuOptions
        {
            InputBits = InputBits,
            OutputBits = OutputBits,
            PageSizes = PageSizes,
            Invalidated = static _ => { },
        };
        return new SoftwareIommu<TFormat>(allocator, software).CreateDomain(options);
    }
}
