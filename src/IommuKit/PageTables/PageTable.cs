using System.Numerics;
using System.Runtime.CompilerServices;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;

namespace IommuKit.PageTables;

/// <summary>
/// A page table in the format <typeparamref name="TFormat"/>: one algorithm for every format.
/// </summary>
/// <remarks>
/// <para>It stores entries and reports the footprint; it flushes nothing. What the footprint needs is up to the sink.</para>
/// <para>A map is all or nothing: everything that can fail is found out before the first store.</para>
/// <para>
/// Maps and unmaps of disjoint ranges may run in parallel, except with <see cref="TableRelease.WhenEmpty"/> or
/// <see cref="PageTableOptions.SplitsPages"/>; look-ups may run beside anything.
/// </para>
/// <para>No operation allocates on the managed heap.</para>
/// <para>
/// What entries say is believed only as far as their level can hold it. An operation that meets a pointer out of memory, a size that the level cannot
/// have, or a table to release that was not handed out throws <see cref="InvalidOperationException"/>; the page table, which others must have written
/// to, is then no longer sound, and what the operation stored before is not reported to the sink. It never leaves the allocator's memory. After that
/// memory was disposed of, operations throw <see cref="ObjectDisposedException"/>.
/// </para>
/// </remarks>
/// <typeparam name="TFormat">The format.</typeparam>
public sealed partial class PageTable<TFormat> : IDisposable
    where TFormat : struct, IPageTableFormat
{
    private const int ProtectionCombinations = 64;

    // No table can be here: it is past the end of any memory.
    private const ulong NoTable = ulong.MaxValue;

    private readonly PageAllocator _allocator;
    private readonly HostMemory _memory;
    private readonly ulong _poolStart;
    private readonly ulong _poolEnd;

    // At how many addresses of the pool a table, or the root, may start.
    private readonly ulong _tableStarts;
    private readonly ulong _rootStarts;
    private readonly ulong _pageSizes;
    private readonly ulong _granuleMask;
    private readonly ulong _rootSpanMask;
    private readonly ulong _lastAddress;
    private readonly int _rootLevel;
    private readonly int _rootBits;
    private readonly int _rootShift;
    private readonly int _rootIndexMask;
    private readonly bool _isSigned;
    private readonly bool _splitsPages;
    private readonly TableRelease _release;

    // The bit that a pointer to a table must have before a walk may rely on it; 0 if nobody has to care.
    private readonly ulong _visibleBit;

    // What TFormat.LeafAttributes says, for each combination of flags.
    private readonly ulong[] _attributes = new ulong[ProtectionCombinations];

    // A map of less than the limit, or whose two addresses differ in the mask, has only pages that are one entry of level 0.
    private readonly ulong _singlePageLimit;
    private readonly ulong _singlePageMask;

    // After Dispose it is NoTable, so that a call that comes too late is told.
    private ulong _root;

    /// <summary>Makes an empty page table.</summary>
    /// <param name="options">Widths, page sizes, release rule.</param>
    /// <param name="allocator">Where tables come from.</param>
    /// <exception cref="ArgumentException">The format cannot do what the options ask.</exception>
    /// <exception cref="IommuException">There is no memory for the root (ENOMEM).</exception>
    public PageTable(PageTableOptions options, PageAllocator allocator)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(allocator);
        if (!Enum.IsDefined(options.Release))
        {
            throw new ArgumentException($"There is no release rule {options.Release}.", nameof(options));
        }

        CheckWidths(options.InputBits, options.OutputBits, out _rootLevel, out _rootBits);
        ulong supported = TFormat.PageSizes & TFormat.PageSizeMask(options.OutputBits);
        ulong pageSizes = options.PageSizes == 0 ? supported : options.PageSizes;
        if ((pageSizes & ~supported) != 0)
        {
            throw new ArgumentException(
                $"Format {TFormat.Name} has page sizes 0x{supported:x}; 0x{pageSizes:x} asks for others.", nameof(options));
        }

        _rootShift = Layout<TFormat>.Shift(_rootLevel);
        _rootIndexMask = (1 << _rootBits) - 1;
        _isSigned = TFormat.SignExtendsInput && options.InputBits == Layout<TFormat>.Shift(_rootLevel) + _rootBits;
        _rootSpanMask = ulong.MaxValue >> (64 - options.InputBits + (_isSigned ? 1 : 0));

        // Larger pages than half of what the IOVAs cover are of no use.
        _pageSizes = pageSizes & _rootSpanMask;
        if (_pageSizes == 0)
        {
            throw new ArgumentException(
                $"No page of sizes 0x{pageSizes:x} fits into IOVAs of {options.InputBits} bits in format {TFormat.Name}.", nameof(options));
        }

        if (LevelOf(BitOperations.Log2(_pageSizes)) > _rootLevel)
        {
            throw new ArgumentException(
                $"Format {TFormat.Name} has no root for pages of 0x{_pageSizes:x} bytes and IOVAs of {options.InputBits} bits.", nameof(options));
        }

        _granuleMask = (_pageSizes & (~_pageSizes + 1)) - 1;
        if (_granuleMask + 1 == 1ul << Layout<TFormat>.PageShift)
        {
            ulong larger = _pageSizes & (_pageSizes - 1);
            _singlePageLimit = larger == 0 ? ulong.MaxValue : larger & (~larger + 1);
            _singlePageMask = _singlePageLimit - 1;
        }

        _lastAddress = ulong.MaxValue >> (64 - options.OutputBits);
        if (allocator.LastAddress > _lastAddress)
        {
            throw new ArgumentException(
                $"Tables may be at up to 0x{allocator.LastAddress:x}, but physical addresses have {options.OutputBits} bits.", nameof(allocator));
        }

        for (int protection = 0; protection < ProtectionCombinations; protection++)
        {
            _attributes[protection] = TFormat.LeafAttributes((Protection)protection);
        }

        _release = options.Release;
        _splitsPages = options.SplitsPages;
        _visibleBit = options.TracksVisibility ? TFormat.SoftwareBit : 0;
        _allocator = allocator;
        _memory = allocator.Memory;
        ObjectDisposedException.ThrowIf(_memory.IsClosed, allocator);
        if (RootBytes > _memory.Length)
        {
            throw new ArgumentException(
                $"Format {TFormat.Name} has a root of 0x{RootBytes:x} bytes, but memory only 0x{_memory.Length:x}.", nameof(allocator));
        }

        _poolEnd = allocator.LastAddress + 1;
        _poolStart = allocator.FirstAddress;
        _tableStarts = StartsOf(TableBytes);
        _rootStarts = StartsOf(RootBytes);
        if (!allocator.TryAllocate(RootLog2, out _root))
        {
            throw new IommuException(IommuError.ENOMEM, "There is no memory for the root of a page table.");
        }
    }

    /// <summary>Physical address of the root table.</summary>
    public ulong Root => _root;

    /// <summary>Level of the root table; the leaves' is 0.</summary>
    public int RootLevel => _rootLevel;

    /// <summary>Bytes in the root table.</summary>
    public uint RootBytes => 1u << RootLog2;

    /// <summary>Bytes in a table below the root.</summary>
    public static uint TableBytes => 1u << TableLog2;

    /// <summary>The page sizes in use: bit n means pages of 2^n bytes.</summary>
    public ulong SupportedPageSizes => _pageSizes;

    /// <summary>When unmap gives tables back.</summary>
    public TableRelease Release => _release;

    /// <summary>
    /// The last IOVA that can be mapped, counting from 0. Where the format sign-extends IOVAs this is the end of the low half; the high half, of the
    /// same size, ends at the last number of 64 bits.
    /// </summary>
    public ulong LastIova => _rootSpanMask;

    /// <summary>The last physical address that can be mapped to.</summary>
    public ulong LastPhysicalAddress => _lastAddress;

    // Every table below the root has the size of a leaf table, in every format.
    private static int TableLog2 => Layout<TFormat>.TableLog2;

    private int RootLog2 => _rootBits + Layout<TFormat>.EntrySizeLog2;

    /// <summary>Finds the root for widths of addresses.</summary>
    /// <exception cref="ArgumentException">The format has none, or breaks a rule of formats.</exception>
    internal static void CheckWidths(int inputBits, int outputBits, out int rootLevel, out int rootBits)
    {
        FormatRules.Check<TFormat>();
        if (outputBits > TFormat.MaxOutputBits || outputBits < 1)
        {
            throw new ArgumentException(
                $"Format {TFormat.Name} holds physical addresses of 1 to {TFormat.MaxOutputBits} bits, not {outputBits}.", nameof(outputBits));
        }

        if (inputBits is < 1 or > 64 || !IommuKit.Specs.PageTables.Roots.TryFind<TFormat>(inputBits, outputBits, out rootLevel, out rootBits))
        {
            throw new ArgumentException($"Format {TFormat.Name} has no root for IOVAs of {inputBits} bits.", nameof(inputBits));
        }

        FormatRules.CheckRoot<TFormat>(inputBits, rootLevel, rootBits);
    }

    /// <summary>
    /// Gives every table back. No walker may use the page table any more. Of a page table that others wrote to, what is not a table of the
    /// pool is left alone; if the memory was disposed of already, there is nothing to do.
    /// </summary>
    public void Dispose()
    {
        ulong root = _root;
        if (root != NoTable)
        {
            _root = NoTable;
            if (!_memory.IsClosed)
            {
                FreeTablesBelow(ref Roots().At(root), _rootLevel);
                _allocator.TryFree(root, RootLog2);
            }
        }
    }

    /// <summary>Which of the levels holds pages of that size: the highest whose entries are not larger.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LevelOf(int pageLog2)
    {
        int level = 0;
        while (level < Layout<TFormat>.TopLevel && Layout<TFormat>.Shift(level + 1) <= pageLog2)
        {
            level++;
        }

        return level;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref byte TableAt(ulong address, int level) => ref level == _rootLevel ? ref RootTable() : ref TableBelowRoot(address);

    /// <summary>The places of tables below the root, for one operation: in the pool, which all of them come from.</summary>
    /// <exception cref="ObjectDisposedException">The memory was disposed of.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private HostBlocks Tables() => new(_memory, _poolStart, _tableStarts, _poolEnd);

    /// <inheritdoc cref="Tables"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private HostBlocks Roots() => new(_memory, _poolStart, _rootStarts, _poolEnd);

    private ulong StartsOf(uint bytes) => _poolEnd - _poolStart < bytes ? 0 : _poolEnd - _poolStart - bytes + 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref byte TableBelowRoot(ulong address)
    {
        var tables = Tables();
        if (!tables.Contains(address))
        {
            ThrowOutside(address);
        }

        return ref tables.AtContained(address);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref byte RootTable()
    {
        ulong root = _root;
        var roots = Roots();
        ObjectDisposedException.ThrowIf(!roots.Contains(root), this);
        return ref roots.AtContained(root);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int EntryCount(int level) => 1 << (level == _rootLevel ? _rootBits : Layout<TFormat>.IndexBits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int IndexOf(ulong iova, int level) => (int)(iova >> Layout<TFormat>.Shift(level)) & (EntryCount(level) - 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int IndexBelowRoot(ulong iova, int level) => (int)(iova >> Layout<TFormat>.Shift(level)) & ((1 << Layout<TFormat>.IndexBits) - 1);

    /// <summary>The last IOVA under the table of that level that translates <paramref name="iova"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong LastUnder(ulong iova, int level) =>
        iova | (level == _rootLevel ? _rootSpanMask : (1ul << Layout<TFormat>.Shift(level + 1)) - 1);

    /// <summary>Whether a range that does not wrap around is inside the table's IOVAs, and inside one half of them if there are two.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsInside(ulong iova, ulong last)
    {
        if (!TFormat.SignExtendsInput)
        {
            return last <= _rootSpanMask;
        }

        ulong outside = ~_rootSpanMask;
        ulong high = iova & outside;
        return ((iova ^ last) & outside) == 0 && (high == 0 || (high == outside && _isSigned));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong AttributesOf(Protection protection) => _attributes[(int)protection & (ProtectionCombinations - 1)];

    private IommuError CheckIova(ulong iova, ulong size)
    {
        if (((iova | size) & _granuleMask) != 0 || size == 0)
        {
            return IommuError.EINVAL;
        }

        ulong last = iova + (size - 1);
        return last < iova ? IommuError.EOVERFLOW : IsInside(iova, last) ? IommuError.None : IommuError.ERANGE;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static EntryRun RunAt(ulong table, int index, int count, int level, ulong iova, EntryChange change)
    {
        int shift = Layout<TFormat>.Shift(level);
        return new EntryRun(
            table + ((ulong)(uint)index << Layout<TFormat>.EntrySizeLog2),
            (uint)count,
            iova & ~((1ul << shift) - 1),
            (ulong)(uint)count << shift,
            (byte)Layout<TFormat>.EntrySizeLog2,
            (byte)level,
            change);
    }
}
