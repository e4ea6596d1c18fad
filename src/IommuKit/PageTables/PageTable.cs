using System.Numerics;
using System.Runtime.CompilerServices;
using IommuKit.Domains;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;

namespace IommuKit.PageTables;

/// <summary>
/// A page table in the format <typeparamref name="TFormat"/>: one algorithm for every format.
/// </summary>
/// <remarks>
/// <para>It stores entries and reports the footprint; it flushes nothing. What the footprint needs is up to the sink.</para>
/// <para>An operation is all or nothing: everything that can fail is found out before the first store.</para>
/// <para>Maps and unmaps of disjoint ranges may run in parallel, except with <see cref="TableRelease.WhenEmpty"/>.</para>
/// <para>No operation allocates on the managed heap.</para>
/// </remarks>
/// <typeparam name="TFormat">The format.</typeparam>
public sealed partial class PageTable<TFormat> : IDisposable
    where TFormat : struct, IPageTableFormat
{
    // No table can be here: a table's address is aligned.
    private const ulong NoTable = ulong.MaxValue;

    private readonly HostMemory _memory;
    private readonly PageAllocator _allocator;
    private readonly ulong _pageSizes;
    private readonly ulong _granuleMask;
    private readonly ulong _secondPageSize;
    private readonly ulong _lastIova;
    private readonly ulong _lastAddress;
    private readonly ulong _root;
    private readonly int _rootLevel;
    private readonly int _rootBits;
    private readonly TableRelease _release;
    private bool _disposed;

    /// <summary>Makes an empty page table.</summary>
    /// <param name="options">Widths, page sizes, release rule.</param>
    /// <param name="allocator">Where tables come from.</param>
    /// <exception cref="ArgumentException">The format cannot do what the options ask.</exception>
    /// <exception cref="IommuException">There is no memory for the root (ENOMEM).</exception>
    public PageTable(PageTableOptions options, PageAllocator allocator)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(allocator);
        ulong pageSizes = options.PageSizes == 0 ? TFormat.PageSizes : options.PageSizes;
        if ((pageSizes & ~TFormat.PageSizes) != 0)
        {
            throw new ArgumentException(
                $"Format {TFormat.Name} has page sizes 0x{TFormat.PageSizes:x}; 0x{pageSizes:x} asks for others.", nameof(options));
        }

        if (options.OutputBits > TFormat.MaxOutputBits || options.OutputBits < 1)
        {
            throw new ArgumentException(
                $"Format {TFormat.Name} holds physical addresses of 1 to {TFormat.MaxOutputBits} bits, not {options.OutputBits}.", nameof(options));
        }

        if (!TFormat.TryGetRoot(options.InputBits, out _rootLevel, out _rootBits))
        {
            throw new ArgumentException($"Format {TFormat.Name} has no root for IOVAs of {options.InputBits} bits.", nameof(options));
        }

        // A page is smaller than what the root covers.
        int largest = TFormat.EntryShift(_rootLevel) + _rootBits - 1;
        _pageSizes = pageSizes & (ulong.MaxValue >> (63 - largest));
        _granuleMask = (1ul << BitOperations.TrailingZeroCount(_pageSizes)) - 1;
        ulong larger = _pageSizes & (_pageSizes - 1);
        _secondPageSize = larger == 0 ? ulong.MaxValue : larger & (~larger + 1);
        _lastIova = ulong.MaxValue >> (64 - options.InputBits);
        _lastAddress = ulong.MaxValue >> (64 - options.OutputBits);
        _release = options.Release;
        _allocator = allocator;
        _memory = allocator.Memory;
        if (!allocator.TryAllocate(_rootBits + TFormat.EntrySizeLog2, out _root))
        {
            throw new IommuException(IommuError.ENOMEM, "There is no memory for the root of a page table.");
        }
    }

    /// <summary>Physical address of the root table.</summary>
    public ulong Root => _root;

    /// <summary>Bytes in the root table.</summary>
    public uint RootBytes => 1u << (_rootBits + TFormat.EntrySizeLog2);

    /// <summary>Bytes in a table below the root.</summary>
    public static uint TableBytes => 1u << TableLog2;

    /// <summary>The page sizes in use: bit n means pages of 2^n bytes.</summary>
    public ulong SupportedPageSizes => _pageSizes;

    /// <summary>When unmap gives tables back.</summary>
    public TableRelease Release => _release;

    /// <summary>The last IOVA that can be mapped.</summary>
    public ulong LastIova => _lastIova;

    /// <summary>The last physical address that can be mapped to.</summary>
    public ulong LastPhysicalAddress => _lastAddress;

    // Every table below the root has the size of a leaf table, in every format.
    private static int TableLog2 => TFormat.IndexBits(0) + TFormat.EntrySizeLog2;

    /// <summary>Gives every table back. No walker may use the page table any more.</summary>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            FreeTablesBelow(_root, _rootLevel);
            _allocator.Free(_root, _rootBits + TFormat.EntrySizeLog2);
        }
    }

    /// <summary>Which of the levels holds pages of that size: the highest whose entries are not larger.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LevelOf(int pageLog2)
    {
        int level = 0;
        while (level < TFormat.TopLevel && TFormat.EntryShift(level + 1) <= pageLog2)
        {
            level++;
        }

        return level;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref byte TableAt(ulong address, int level) => ref _memory.At(address, (ulong)EntryCount(level) << TFormat.EntrySizeLog2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int EntryCount(int level) => 1 << (level == _rootLevel ? _rootBits : TFormat.IndexBits(level));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int IndexOf(ulong iova, int level) => (int)(iova >> TFormat.EntryShift(level)) & (EntryCount(level) - 1);

    /// <summary>The last IOVA under the table of that level that translates <paramref name="iova"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong LastUnder(ulong iova, int level) =>
        level == _rootLevel ? _lastIova : iova | ((1ul << TFormat.EntryShift(level + 1)) - 1);

    private static EntryRun RunAt(ulong table, int index, int count, int level, ulong iova, EntryChange change)
    {
        int shift = TFormat.EntryShift(level);
        return new EntryRun(
            table + ((ulong)(uint)index << TFormat.EntrySizeLog2),
            (uint)count,
            iova & ~((1ul << shift) - 1),
            (ulong)(uint)count << shift,
            (byte)TFormat.EntrySizeLog2,
            (byte)level,
            change);
    }

    private void FreeTablesBelow(ulong table, int level)
    {
        if (level == 0)
        {
            return;
        }

        ref byte entries = ref TableAt(table, level);
        for (int index = 0; index < EntryCount(level); index++)
        {
            ulong entry = Entries<TFormat>.Load(ref entries, index);
            if (entry != 0 && TFormat.IsTable(entry, level))
            {
                ulong child = TFormat.TableAddress(entry);
                FreeTablesBelow(child, level - 1);
                _allocator.Free(child, TableLog2);
            }
        }
    }
}
