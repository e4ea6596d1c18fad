using IommuKit.Domains;
using IommuKit.Drivers.Software;
using IommuKit.Lab.Formats;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Cli.HostTime;

/// <summary>Everything that is measured of a format, and the memory that it needs.</summary>
/// <param name="kind">The format.</param>
/// <typeparam name="TFormat">The same.</typeparam>
internal sealed class FormatWorkloads<TFormat>(FormatKind kind) : IDisposable
    where TFormat : struct, IPageTableFormat
{
    /// <summary>Pages of one call that fills most of a table, if the table has so many.</summary>
    public const int MostPages = 500;

    private const ulong PoolBytes = 64 << 20;
    private const ulong Iova = 1ul << 30;
    private const ulong LookUpBytes = 1ul << 30;

    // Entries that a call leaves out, so that a table is never covered.
    private const int LeftOut = 12;

    // What is hot stays in the first-level cache together with the tables above; what is cold, in the second.
    private const int HotBytes = 24 << 10;
    private const int ColdBytes = 384 << 10;
    private const int MaxSlots = 512;

    private readonly PhysicalMemory _memory = new(PoolBytes, isCoherent: true);
    private readonly List<IDisposable> _owned = [];
    private PageAllocator? _allocator;

    /// <summary>Pages that the call which fills most of a table maps.</summary>
    public static int PagesOfTable => Math.Min(MostPages, TableEntries - LeftOut);

    /// <summary>Entries in a table of the lowest level.</summary>
    public static int TableEntries => 1 << TFormat.IndexBits(0);

    /// <summary>Tables outstanding.</summary>
    public long TablesOutstanding => Allocator.Outstanding;

    private static int GranuleLog2 => TFormat.EntryShift(0);

    private static ulong Granule => 1ul << GranuleLog2;

    private static int TableLog2 => TFormat.IndexBits(0) + TFormat.EntrySizeLog2;

    private static ulong TableSpan => Granule << TFormat.IndexBits(0);

    // One page off the IOVA: no larger page is possible, and no group.
    private static ulong PageAddress => Iova + Granule;

    private PageAllocator Allocator => _allocator ??= new PageAllocator(_memory.CpuView, 0, PoolBytes);

    /// <summary>Ranges of single pages in tables that exist.</summary>
    /// <param name="pages">Pages in a range.</param>
    /// <param name="maxSlots">The most ranges.</param>
    public EnginePairs<TFormat> Pages(int pages, int maxSlots = MaxSlots) => Pages(CreateTable(), pages, thread: 0, maxSlots);

    /// <summary>The same for several threads, in one page table.</summary>
    public IReadOnlyList<PairWork> PagesOfThreads(int pages, int threads)
    {
        var table = CreateTable();
        return [.. Enumerable.Range(0, threads).Select(thread => Pages(table, pages, thread, MaxSlots))];
    }

    /// <summary>Leaves of the level above the lowest.</summary>
    public EnginePairs<TFormat> Blocks(int maxSlots = MaxSlots)
    {
        ulong size = 1ul << TFormat.EntryShift(1);
        int slots = Math.Min(Math.Min(1 << TFormat.IndexBits(1), 256), maxSlots);
        ulong[] iovas = [.. Enumerable.Range(0, slots).Select(slot => Iova + ((ulong)slot * size))];

        // One block off, as with pages.
        var range = new PhysicalRange(Iova + size, size);
        return new RangePairs<TFormat>(CreateTable(), CreateSink(), iovas, size, range, TFormat.EntryShift(1));
    }

    /// <summary>Ranges without any tables but the root. The unmap drops all of them.</summary>
    public EnginePairs<TFormat> Cold(int pages, int maxSlots = 4)
    {
        _ = TFormat.TryGetRoot(kind.InputBits, out int level, out _);
        int shift = TFormat.EntryShift(level);
        ulong size = (ulong)pages * Granule;
        ulong dropped = (size + (1ul << shift) - 1) >> shift << shift;
        int tables = Math.Max(level, (int)(size / TableSpan));
        int slots = Math.Clamp(HotBytes / (tables << TableLog2), 1, maxSlots);

        // The lower half of the root, where the format has two.
        ulong room = 1ul << (kind.InputBits - (TFormat.SignExtendsInput ? 1 : 0));
        slots = (int)Math.Min((ulong)slots, room / dropped);
        ulong[] iovas = [.. Enumerable.Range(0, slots).Select(slot => (ulong)slot * dropped)];
        return new RangePairs<TFormat>(CreateTable(), CreateSink(), iovas, dropped, new PhysicalRange(PageAddress, size), GranuleLog2);
    }

    /// <summary>Ranges that are whole tables, which the unmap drops.</summary>
    public EnginePairs<TFormat> WholeTables(int tables)
    {
        ulong size = (ulong)tables * TableSpan;
        int slots = Math.Clamp(ColdBytes / (tables << TableLog2), 1, 8);
        ulong[] iovas = [.. Enumerable.Range(0, slots).Select(slot => Iova + ((ulong)slot * size))];
        return new RangePairs<TFormat>(CreateTable(), CreateSink(), iovas, size, new PhysicalRange(PageAddress, size), GranuleLog2);
    }

    /// <summary>Scatter lists of single pages, downwards and with gaps, in tables that exist.</summary>
    public EnginePairs<TFormat> Lists(int pages, int maxSlots = MaxSlots)
    {
        // A whole table may be covered: it is to stay.
        PhysicalRange[] list =
            [.. Enumerable.Range(0, pages).Select(page => new PhysicalRange(PageAddress + ((ulong)(pages - page) * 2 * Granule), Granule))];
        return new ListPairs<TFormat>(CreateTable(TableRelease.Never), CreateSink(), Slots(pages, thread: 0, maxSlots), list);
    }

    /// <summary>Ranges of single pages in a domain with a listener that counts.</summary>
    public PairWork Domain(int pages, int maxSlots = MaxSlots)
    {
        long invalidations = 0;
        var driver = new SoftwareIommu<TFormat>(Allocator, new SoftwareIommuOptions
        {
            InputBits = kind.InputBits,
            OutputBits = kind.OutputBits,
            Invalidated = _ => invalidations++,
        });
        var domain = driver.CreateDomain(new DomainOptions { Policy = SyncPolicy.Gather });
        _owned.Add(domain);
        return new DomainPairs(domain, Slots(pages, thread: 0, maxSlots), new PhysicalRange(PageAddress, (ulong)pages * Granule));
    }

    /// <summary>Look-ups in few pages or in 1 GiB.</summary>
    public LookUpLoop<TFormat> LookUps(LookUpOrder order)
    {
        ulong bytes = order == LookUpOrder.Sequential ? 32 * Granule : LookUpBytes;
        var table = CreateTable();
        var sink = CreateSink();
        var range = new PhysicalRange(PageAddress, bytes);
        var error = table.Map(Iova, range.Address, bytes, Protection.Read | Protection.Write, ref sink);
        return error == IommuError.None
            ? new LookUpLoop<TFormat>(table, Iova, range, order)
            : throw new InvalidOperationException($"{kind.Name}: map for look-ups failed with {error}.");
    }

    /// <summary>The store limit.</summary>
    public FillLoop Fill()
    {
        if (!Allocator.TryAllocate(TableLog2, out ulong address))
        {
            throw new InvalidOperationException("There is no memory for one table.");
        }

        _owned.Add(new Block(Allocator, address));
        return new FillLoop(_memory.CpuView, address, 1 << TableLog2, TFormat.EntrySizeLog2);
    }

    /// <summary>Gives page tables, then memory back.</summary>
    public void Dispose()
    {
        Clear();
        _memory.Dispose();
    }

    /// <summary>Gives page tables back.</summary>
    public void Clear()
    {
        _owned.ForEach(owned => owned.Dispose());
        _owned.Clear();
    }

    private RangePairs<TFormat> Pages(PageTable<TFormat> table, int pages, int thread, int maxSlots)
    {
        ulong size = (ulong)pages * Granule;
        return new RangePairs<TFormat>(
            table, CreateSink(), Slots(pages, thread, maxSlots), size, new PhysicalRange(PageAddress, size), GranuleLog2);
    }

    /// <summary>Where ranges start that stay hot: as many in a table as it has room for, in several tables if they are small.</summary>
    private static ulong[] Slots(int pages, int thread, int maxSlots)
    {
        int perTable = Math.Max(1, (TableEntries - LeftOut) / pages);
        int spanned = (pages + TableEntries - 1) / TableEntries;
        int tables = Math.Max(1, (HotBytes >> TableLog2) / spanned);
        int touched = pages << TFormat.EntrySizeLog2;
        int slots = Math.Clamp(Math.Min(perTable * tables, HotBytes / touched), 1, maxSlots);
        ulong start = Iova + ((ulong)(thread * tables * spanned) * TableSpan);
        return
        [
            .. Enumerable.Range(0, slots).Select(slot =>
                start + ((ulong)(slot / perTable * spanned) * TableSpan) + ((ulong)(slot % perTable * pages) * Granule)),
        ];
    }

    private PageTable<TFormat> CreateTable(TableRelease release = TableRelease.WhenCovered)
    {
        var table = new PageTable<TFormat>(
            new PageTableOptions { InputBits = kind.InputBits, OutputBits = kind.OutputBits, Release = release }, Allocator);
        _owned.Add(table);
        return table;
    }

    private CountingSink CreateSink() => new(Allocator, TableLog2);

    private sealed class Block(PageAllocator allocator, ulong address) : IDisposable
    {
        public void Dispose() => allocator.Free(address, TableLog2);
    }
}
