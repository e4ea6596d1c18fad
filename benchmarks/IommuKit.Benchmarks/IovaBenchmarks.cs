using BenchmarkDotNet.Attributes;
using IommuKit.Dma;

namespace IommuKit.Benchmarks;

/// <summary>The allocator of IOVAs: from its caches, from its tree, and in a space of 2^20 ranges that is full.</summary>
[MemoryDiagnoser]
public class IovaBenchmarks
{
    private const ulong Page = 4096;
    private const int Full = 1 << 20;

    private readonly IovaAllocator _small = new();
    private readonly IovaAllocator _full = new(new() { Last = ((Full + 1) * Page) - 1, MostCachedGranules = 0 });
    private readonly IovaRange[] _held = new IovaRange[Full];
    private int _next;

    [GlobalSetup]
    public void SetUp()
    {
        for (int i = 0; i < Full; i++)
        {
            _held[i] = _full.Allocate(Page);
        }
    }

    [Benchmark]
    public void Cached() => _small.Free(_small.Allocate(Page));

    [Benchmark]
    public void NotCached() => _small.Free(_small.Allocate(64 * Page));

    /// <summary>Gives back one of 2^20 and takes two, of which the second has no place.</summary>
    [Benchmark]
    public bool FullSpace()
    {
        _next = (_next + 0x9e3d) & (Full - 1);
        _full.Free(_held[_next]);
        _held[_next] = _full.Allocate(Page);
        return _full.TryAllocate(Page, out _);
    }
}
