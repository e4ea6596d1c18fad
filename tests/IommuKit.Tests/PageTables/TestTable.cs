using System.Numerics;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.PageTables;

/// <summary>A page table of any format with its memory and the log of its footprint, so that a test need not be generic.</summary>
internal abstract class TestTable : IDisposable
{
    public const Protection ReadWrite = Protection.Read | Protection.Write;

    protected TestTable(TableSetup setup, int tableLog2)
    {
        Setup = setup;
        Memory = new PhysicalMemory(setup.MemoryBytes, isCoherent: true);
        Allocator = new PageAllocator(Memory.CpuView, 0, Memory.Length) { Limit = setup.MemoryLimit };
        Log = new FootprintLog(Allocator, tableLog2);
    }

    public TableSetup Setup { get; }

    public PhysicalMemory Memory { get; }

    public PageAllocator Allocator { get; }

    public FootprintLog Log { get; }

    /// <summary>Whether operations use the sink that works page by page.</summary>
    public bool IsPageByPage { get; set; }

    public abstract ulong Root { get; }

    public abstract int RootLevel { get; }

    public abstract ulong PageSizes { get; }

    public abstract ulong LastAddress { get; }

    public abstract int EntryLog2 { get; }

    public abstract bool StoresNoAccess { get; }

    public abstract bool NeedsBreakBeforeMake { get; }

    public abstract ulong SoftwareBit { get; }

    /// <summary>The first IOVA of the half that tests use, and the last.</summary>
    public ulong Base => Setup.IsHigh ? ~LastOffset : 0;

    public ulong Last => Base | LastOffset;

    /// <summary>The last IOVA, counted from <see cref="Base"/>.</summary>
    public abstract ulong LastOffset { get; }

    public ulong Granule => PageSizes & (~PageSizes + 1);

    /// <summary>Log2 of the page sizes, ascending.</summary>
    public IReadOnlyList<int> Sizes => [.. Enumerable.Range(0, 64).Where(bit => (PageSizes >> bit & 1) != 0)];

    /// <summary>Log2 of the page sizes that take a table above the leaves', ascending.</summary>
    public IReadOnlyList<int> BlockSizes => [.. Sizes.Where(bit => bit >= EntryShift(1))];

    /// <summary>Bytes of IOVA under a table of the lowest level.</summary>
    public ulong TableSpan => 1ul << EntryShift(1);

    public abstract int EntryShift(int level);

    public abstract IommuError Map(ulong iova, ulong address, ulong size, Protection protection = ReadWrite);

    public abstract IommuError MapList(ulong iova, PhysicalRange[] list, out ulong size, Protection protection = ReadWrite);

    public abstract IommuError TryUnmap(ulong iova, ulong size, out ulong unmapped);

    public abstract bool TryTranslate(ulong iova, out ulong address);

    public abstract bool TryFind(ulong iova, out PageMapping mapping);

    public abstract bool TryFindNext(ulong iova, ulong last, out ulong mapped);

    public abstract void MarkVisible(in EntryRun run);

    /// <summary>The address and the bytes of every table that can be reached from the root.</summary>
    public abstract byte[] Dump();

    public ulong Unmap(ulong iova, ulong size)
    {
        TryUnmap(iova, size, out ulong unmapped);
        return unmapped;
    }

    public ulong EntryAt(ulong address) => EntryLog2 == 2
        ? BitConverter.ToUInt32(Memory.CpuView.Span(address, 4))
        : BitConverter.ToUInt64(Memory.CpuView.Span(address, 8));

    public int LevelOf(int pageLog2) => Enumerable.Range(0, RootLevel + 1).Last(level => EntryShift(level) <= pageLog2);

    /// <summary>Some physical address, cut to what a page of that size can have.</summary>
    public ulong AddressFor(ulong address, int pageLog2) => address & LastAddress & (ulong.MaxValue << pageLog2);

    /// <summary>Log2 of the sizes of the pages of a range, up to the first hole.</summary>
    public IReadOnlyList<int> PagesOf(ulong iova, ulong size)
    {
        var pages = new List<int>();
        for (ulong next = iova; next - iova < size && TryFind(next, out var page); next += 1ul << page.PageLog2)
        {
            pages.Add(page.PageLog2);
        }

        return pages;
    }

    public void ShouldTranslate(ulong iova, ulong address)
    {
        TryTranslate(iova, out ulong found).ShouldBeTrue($"0x{iova:x} is not mapped");
        found.ShouldBe(address);
    }

    public void ShouldNotTranslate(ulong iova) => TryTranslate(iova, out _).ShouldBeFalse($"0x{iova:x} is mapped");

    /// <summary>Does something that must leave the tables, what is outstanding and the log as they are.</summary>
    public void ShouldNotChange(Action action)
    {
        Log.Clear();
        byte[] before = Dump();
        long outstanding = Allocator.Outstanding;
        action();
        Log.IsEmpty.ShouldBeTrue();
        Allocator.Outstanding.ShouldBe(outstanding);
        Dump().AsSpan().SequenceEqual(before).ShouldBeTrue();
    }

    /// <summary>Disposes the page table, and counts what it has not given back.</summary>
    public void ShouldLeaveNothing()
    {
        Log.Clear();
        DisposeTable();
        Allocator.Outstanding.ShouldBe(0);
    }

    public PageOracle MakeOracle() =>
        new(PageSizes, [.. Enumerable.Range(0, RootLevel + 1).Select(EntryShift)], Setup.Release, Setup.SplitsPages);

    public void Dispose()
    {
        DisposeTable();
        Memory.Dispose();
    }

    public abstract void DisposeTable();

    protected static int Log2(uint value) => BitOperations.Log2(value);
}
