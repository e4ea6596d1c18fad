using BenchmarkDotNet.Attributes;
using IommuKit.Dma;
using IommuKit.Domains;
using IommuKit.Drivers.Software;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.X86;

namespace IommuKit.Benchmarks;

/// <summary>One page for a device: out of a pool, and mapped and unmapped.</summary>
[MemoryDiagnoser]
public class DmaBenchmarks
{
    private const ulong Page = 4096;

    private readonly PhysicalMemory _memory = new(64 << 20, isCoherent: true);
    private DmaMapper _mapper = null!;
    private DmaPool _pool = null!;

    [Params(SyncPolicy.Gather, SyncPolicy.Deferred)]
    public SyncPolicy Policy { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        var iommu = new SoftwareIommu<X86Format>(
            new PageAllocator(_memory.CpuView, 32 << 20, 16 << 20),
            new SoftwareIommuOptions { InputBits = 48, OutputBits = 40, Invalidated = static _ => { } });
        _mapper = new DmaMapper(
            iommu, new DmaMapperOptions { Memory = new DmaMemoryPool(_memory.CpuView, 48 << 20, 16 << 20) }, new DomainOptions { Policy = Policy });
        _pool = new DmaPool(_mapper, 256, 4096);
    }

    [Benchmark]
    public void Pooled()
    {
        _pool.TryRent(out var buffer);
        _pool.Return(buffer);
    }

    [Benchmark]
    public void Mapped() => _mapper.Unmap(_mapper.Map(Page, Page, DmaDirection.FromDevice));
}
