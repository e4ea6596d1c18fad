using BenchmarkDotNet.Attributes;
using IommuKit.Domains;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Benchmarks;

/// <summary>The engine alone, hot: tables exist, nothing is flushed. One operation is a map and the unmap that undoes it.</summary>
[MemoryDiagnoser]
public class PageTableBenchmarks
{
    private const ulong Iova = 0x4000_0000;
    private const ulong Page = 4096;
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    private PhysicalMemory _memory = null!;
    private PageTable<TegraFormat> _table = null!;
    private PhysicalRange[] _list = null!;

    [Params(1, 32, 500)]
    public int Pages { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _memory = new PhysicalMemory(1ul << 34, isCoherent: true);
        _table = new PageTable<TegraFormat>(
            new PageTableOptions { InputBits = 32, OutputBits = 34, Release = TableRelease.Never },
            new PageAllocator(_memory.CpuView, 0, 32 << 20));

        // Physically scattered, downwards and with gaps.
        _list = [.. Enumerable.Range(0, Pages).Select(i => new PhysicalRange(0x1000_0000 + ((ulong)(Pages - i) * 2 * Page), Page))];

        // What is measured takes the results for granted.
        NoFootprint sink = default;
        ulong bytes = (ulong)Pages * Page;
        Check(_table.Map(Iova, 0x1000_1000, bytes, ReadWrite, ref sink) == IommuError.None && _table.Unmap(Iova, bytes, ref sink) == bytes);
        Check(_table.MapScatterGather(Iova, _list, ReadWrite, ref sink, out _) == IommuError.None && _table.Unmap(Iova, bytes, ref sink) == bytes);
        Check(PageByPage() == bytes);
    }

    [GlobalCleanup]
    public void CleanUp() => _memory.Dispose();

    [Benchmark]
    public ulong Range()
    {
        NoFootprint sink = default;
        _table.Map(Iova, 0x1000_1000, (ulong)Pages * Page, ReadWrite, ref sink);
        return _table.Unmap(Iova, (ulong)Pages * Page, ref sink);
    }

    [Benchmark]
    public ulong PageByPage()
    {
        NoFootprint sink = default;
        ulong sum = 0;
        for (ulong page = 0; page < (ulong)Pages; page++)
        {
            _table.Map(Iova + (page * Page), 0x1000_1000 + (page * Page), Page, ReadWrite, ref sink);
        }

        for (ulong page = 0; page < (ulong)Pages; page++)
        {
            sum += _table.Unmap(Iova + (page * Page), Page, ref sink);
        }

        return sum;
    }

    [Benchmark]
    public ulong ScatterList()
    {
        NoFootprint sink = default;
        _table.MapScatterGather(Iova, _list, ReadWrite, ref sink, out _);
        return _table.Unmap(Iova, (ulong)Pages * Page, ref sink);
    }

    private static void Check(bool works)
    {
        if (!works)
        {
            throw new InvalidOperationException("What is to be measured does not work.");
        }
    }

    private struct NoFootprint : IFootprintSink
    {
        public static bool PageByPage => false;

        public readonly void TableFilled(ulong tableAddress, uint bytes)
        {
            // Nothing is to be flushed.
        }

        public readonly void EntriesStored(in EntryRun run)
        {
            // Nothing is to be flushed.
        }

        public readonly void Synchronise()
        {
            // Nothing is to be flushed.
        }

        public readonly void TableUnlinked(ulong tableAddress) =>
            throw new InvalidOperationException("This page table never gives a table back.");
    }
}
