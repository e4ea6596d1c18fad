using IommuKit.Lab.Formats;
using IommuKit.Lab.Machines;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Shadow;

/// <summary>
/// The least maintenance of one map or unmap on some hardware, of any size: it is done to a page table, without a driver, and compared with
/// everything that hardware may hold by then.
/// </summary>
/// <typeparam name="TFormat">The format of the page table.</typeparam>
internal sealed class MappingBound<TFormat> : IDisposable
    where TFormat : struct, IPageTableFormat
{
    // Larger ranges are looked at piece by piece. The pieces share no line of any cache, as so many entries of an upper table fill several.
    private const int TablesPerPiece = 32;

    private const Protection Rights = Protection.Read | Protection.Write;

    private readonly MappingShape _shape;

    // Somebody else's pages beside the range, which are in use and may not be dropped.
    private readonly ulong[] _neighbours;
    private readonly PhysicalMemory _memory;
    private readonly PageAllocator _allocator;
    private readonly PageTable<TFormat> _table;
    private readonly FlushChecker<TFormat> _checker;
    private CountingSink _sink;

    private MappingBound(ShadowTraits traits, int inputBits, in MappingShape shape)
    {
        _shape = shape;
        ulong page = TrackedPages<TFormat>.PageBytes;
        ulong span = 1ul << TFormat.EntryShift(1);
        int tables = (int)(((shape.Iova + shape.Size - 1) / span) - (shape.Iova / span)) + 1;
        int outputBits = TFormat.MaxOutputBits;

        // Tables that come and go with the range have nobody else's pages in them.
        ulong before = (shape.KeepsTables ? shape.Iova : shape.Iova / span * span) - page;
        ulong end = shape.Iova + shape.Size;
        ulong behind = shape.KeepsTables ? end : (end + span - 1) / span * span;
        _neighbours = [.. ((ulong[])[before, behind]).Where(neighbour => inputBits == 64 || neighbour >> inputBits == 0)];

        // With those of the neighbours; of upper tables there is one for each level, but where the range crosses from one to the next.
        ulong wanted = TrackedPages<TFormat>.PoolBytesFor(tables + 2 + (2 * TFormat.TopLevel) + 2, inputBits);
        ulong pool = (wanted + TrackedPages<TFormat>.RootSurplus(inputBits) + 0xfff) & ~0xffful;
        _memory = new PhysicalMemory(pool, isCoherent: true);
        _allocator = new PageAllocator(_memory.CpuView, 0, pool);
        _sink = new CountingSink(_allocator, TrackedPages<TFormat>.TableLog2(0));
        _table = new PageTable<TFormat>(
            new PageTableOptions
            {
                InputBits = inputBits,
                OutputBits = outputBits,
                PageSizes = shape.UsesSuperpages ? TFormat.PageSizes & TFormat.PageSizeMask(outputBits) : page,
                Release = shape.KeepsTables ? TableRelease.Never : TableRelease.WhenEmpty,
            },
            _allocator);
        ulong first = shape.Iova;
        ulong[] pages =
        [
            .. _neighbours.Concat(Enumerable.Range(0, (int)(shape.Size / page)).Select(i => first + ((ulong)i * page))).Order(),
        ];

        _checker = new FlushChecker<TFormat>(
            new TrackedPages<TFormat>(pages, inputBits, outputBits, 0, pool), traits, new DropsEverything(), _memory, 1, 1, 1);
        _checker.Connect(0, 0, _table.Root);
        _checker.Attached(0, 0);
    }

    /// <summary>Finds it.</summary>
    /// <param name="traits">What the hardware may do.</param>
    /// <param name="inputBits">Bits of an IOVA.</param>
    /// <param name="shape">The map or unmap.</param>
    public static LeastWork Find(ShadowTraits traits, int inputBits, in MappingShape shape)
    {
        ulong span = (ulong)TablesPerPiece << TFormat.EntryShift(1);
        var least = default(LeastWork);
        int pieces = 0;
        ulong end = shape.Iova + shape.Size;
        for (ulong start = shape.Iova; start < end;)
        {
            ulong next = Math.Min(end, (start / span + 1) * span);
            using var piece = new MappingBound<TFormat>(traits, inputBits, shape with { Iova = start, Size = next - start });
            least += piece.Find();
            pieces++;
            start = next;
        }

        // One invalidation may be for several pieces.
        if (pieces > 1 && least.TranslationDrops != 0)
        {
            least = least with { TranslationDrops = DropsOf(traits.DropSizes, inputBits, shape) };
        }

        return least with { Barriers = Math.Min(1, least.Barriers), Waits = Math.Min(1, least.Waits) };
    }

    /// <summary>The fewest invalidations of a range that is stale all over, with pages beside it that are in use.</summary>
    private static long DropsOf(IReadOnlyList<ulong> sizes, int inputBits, in MappingShape shape)
    {
        if (sizes.Count == 0)
        {
            return 1;
        }

        // Tables that come and go with the range have nobody else's pages in them.
        ulong span = shape.KeepsTables ? TrackedPages<TFormat>.PageBytes : 1ul << TFormat.EntryShift(1);
        ulong end = shape.Iova + shape.Size;
        ulong freeEnd = (end + span - 1) / span * span;
        return DropsOf(
            sizes,
            sizes.Count - 1,
            shape.Iova,
            end,
            shape.Iova / span * span,
            inputBits < 64 && freeEnd >> inputBits != 0 ? ulong.MaxValue : freeEnd);
    }

    // Of the blocks of a size that reach into [first, end): one each if it stays within [free, freeEnd), smaller ones if not.
    private static long DropsOf(IReadOnlyList<ulong> sizes, int size, ulong first, ulong end, ulong free, ulong freeEnd)
    {
        ulong bytes = sizes[size];
        long drops = 0;
        for (ulong start = first / bytes * bytes; start < end; start += bytes)
        {
            drops += size == 0 || (start >= free && start + bytes <= freeEnd)
                ? 1
                : DropsOf(sizes, size - 1, Math.Max(first, start), Math.Min(end, start + bytes), free, freeEnd);
        }

        return drops;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _table.Dispose();
        _memory.Dispose();
    }

    private LeastWork Find()
    {
        foreach (ulong neighbour in _neighbours)
        {
            Map(neighbour, TrackedPages<TFormat>.PageBytes);
        }

        if (_shape.KeepsTables)
        {
            Map();
            Unmap();
        }

        if (!_shape.IsMap)
        {
            Map();
        }

        Synchronise();
        _checker.StartCounting(new WasteCounts());
        if (_shape.IsMap)
        {
            Map();
        }
        else
        {
            Unmap();
        }

        return _checker.TakeLeast() ?? throw new InvalidOperationException("Something is under way, or not promised.");
    }

    private void Map() => Map(_shape.Iova, _shape.Size);

    private void Map(ulong iova, ulong size)
    {
        var error = _table.Map(iova, 0, size, Rights, ref _sink);
        if (error != IommuError.None)
        {
            throw new IommuException(error, $"{TFormat.Name} cannot map 0x{size:x} bytes at 0x{iova:x}.");
        }

        _checker.Intend(0, iova, size, 0, Rights);
        _checker.Promise(0, iova, size);
    }

    private void Unmap()
    {
        _table.TryUnmap(_shape.Iova, _shape.Size, ref _sink, out _);
        _sink.FreeUnlinked();
        _checker.Intend(0, _shape.Iova, _shape.Size, null, Protection.None);
        _checker.Promise(0, _shape.Iova, _shape.Size);
    }

    /// <summary>Hardware has forgotten all that was, and fetched all that is.</summary>
    private void Synchronise()
    {
        _checker.Observe(new MaintenanceStep(MaintenanceKind.Clean, 0, _memory.Length, default));
        _checker.Observe(new MaintenanceStep(MaintenanceKind.Barrier, 0, 0, default));
        _checker.Observe(new MaintenanceStep(MaintenanceKind.RegisterWrite, 0, 0, default));
    }

    private sealed class DropsEverything : ICommandDecoder
    {
        public void Decode(in MaintenanceStep access, ShadowCommands commands)
        {
            commands.DropTableCache(0, ulong.MaxValue);
            commands.DropTranslations(ShadowCommand.Every, 0, ulong.MaxValue, withTables: true);
            commands.Complete();
        }
    }
}
