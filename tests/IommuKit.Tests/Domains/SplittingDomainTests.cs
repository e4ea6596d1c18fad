using IommuKit.Domains;
using IommuKit.Drivers.Software;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.X86;

namespace IommuKit.Tests.Domains;

/// <summary>Domains that split pages.</summary>
public sealed class SplittingDomainTests : IDisposable
{
    private const ulong Page = 4096;
    private const ulong Block = 2 << 20;

    private readonly PhysicalMemory _memory = new(4 << 20, isCoherent: true);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void The_rest_of_a_page_stays()
    {
        using var domain = Make(new DomainOptions { SplitsPages = true });
        domain.Map(0, 0, Block, Protection.Read);
        domain.Unmap(Page, Page).ShouldBe(Page);
        domain.IovaToPhysical(0).ShouldBe(0ul);
        domain.IovaToPhysical(Page).ShouldBeNull();
        domain.IovaToPhysical(2 * Page).ShouldBe(2 * Page);
    }

    [Fact]
    public void Unless_it_was_asked_for_it_goes()
    {
        using var domain = Make(new DomainOptions());
        domain.Map(0, 0, Block, Protection.Read);
        domain.Unmap(Page, Page).ShouldBe(0ul);
        domain.Unmap(0, Page).ShouldBe(Block);
        domain.IovaToPhysical(2 * Page).ShouldBeNull();
    }

    [Fact]
    public void The_table_of_the_rest_goes_when_it_is_empty()
    {
        var allocator = new PageAllocator(_memory.CpuView, 0, _memory.Length);
        using var domain = Make(new DomainOptions { SplitsPages = true, Release = TableRelease.WhenEmpty }, allocator);
        long before = allocator.Outstanding;
        domain.Map(0, 0, Block, Protection.Read);
        domain.Unmap(Page, Page).ShouldBe(Page);
        domain.IovaToPhysical(2 * Page).ShouldBe(2 * Page);
        domain.Unmap(0, Page).ShouldBe(Page);
        domain.Unmap(2 * Page, Block - (2 * Page)).ShouldBe(Block - (2 * Page));
        allocator.Outstanding.ShouldBe(before);
    }

    [Fact]
    public void Where_the_entry_is_broken_first_the_large_page_is_forgotten_once_and_then_the_part()
    {
        var told = new List<(ulong, ulong)>();
        var iommu = new SoftwareIommu<ArmLpae<ArmGranule4K, ArmStage1>>(
            new PageAllocator(_memory.CpuView, 0, _memory.Length),
            new SoftwareIommuOptions { InputBits = 39, OutputBits = 40, Invalidated = gone => told.Add((gone.Range.Iova, gone.Range.Bytes)) });
        using var domain = iommu.CreateDomain(new DomainOptions { SplitsPages = true });
        domain.Map(0, 0, Block, Protection.Read);
        told.Clear();
        domain.Unmap(Page, Page).ShouldBe(Page);
        told.ShouldBe([(0ul, Block), (Page, Page)]);
    }

    [Fact]
    public void Threads_may_unmap_parts_of_one_page()
    {
        using var domain = Make(new DomainOptions { SplitsPages = true });
        for (int round = 0; round < 50; round++)
        {
            domain.Map(0, 0, Block, Protection.Read);
            Parallel.For(0, 4, thread =>
            {
                for (ulong page = (ulong)thread; page < 512; page += 8)
                {
                    domain.Unmap(page * Page, Page).ShouldBe(Page);
                }
            });

            for (ulong page = 0; page < 512; page++)
            {
                domain.IovaToPhysical(page * Page).ShouldBe(page % 8 < 4 ? null : page * Page);
            }

            domain.Unmap(0, Block).ShouldBe(Block);
        }
    }

    private PagingDomain Make(DomainOptions options) => Make(options, new PageAllocator(_memory.CpuView, 0, _memory.Length));

    private static PagingDomain Make(DomainOptions options, PageAllocator allocator) =>
        new SoftwareIommu<X86Format>(allocator, new SoftwareIommuOptions { InputBits = 48, OutputBits = 40 }).CreateDomain(options);
}
