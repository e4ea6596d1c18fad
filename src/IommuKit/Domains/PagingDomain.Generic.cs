using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Sync;

namespace IommuKit.Domains;

/// <summary>
/// A domain with a page table: the policies, once for every format and every driver. Drivers make it in <see cref="IommuDriver.CreateDomain"/>.
/// </summary>
/// <typeparam name="TFormat">The format of the page table.</typeparam>
/// <typeparam name="THardware">The driver's primitives.</typeparam>
/// <typeparam name="TBatch">What their batches hold; <see cref="NoBatch"/> if nothing.</typeparam>
public sealed partial class PagingDomain<TFormat, THardware, TBatch> : PagingDomain
    where TFormat : struct, IPageTableFormat
    where THardware : struct, IDomainHardware<TBatch>
    where TBatch : struct
{
    private readonly PageTable<TFormat> _table;
    private readonly DomainSync<THardware, TBatch> _sync;
    private readonly RetiredTables _retired;
    private readonly DeferredQueue<THardware, TBatch>? _deferred;
    private readonly OwedWork<THardware, TBatch>? _owed;
    private readonly DomainCounters? _counters;
    private readonly IPageTally? _tally;
    private readonly OperationGate _operations = new();
    private readonly SyncPolicy _policy;
    private readonly GatherUse _mapUse;
    private readonly GatherUse _unmapUse;

    // Held over the stores of an operation where threads could not tell what others have not finished: while tables may go because they are
    // empty or pages are split, and where pointers to tables need maintenance but have no bit to say that it is done.
    // Mainline's Tegra driver has such a lock too.
    private readonly Lock? _operationLock;

    // Whether a map waits for the hardware within that lock: others may rely on the tables that it linked as soon as they have the lock.
    private readonly bool _mapsCompleteLocked;

    // An unmap does so where pages are split, which links tables too, and where it unlinked a table because it is empty: another map may link one in
    // its place, and must not return while a walker can still go by the old one.
    private readonly bool _splitsPages;

    // What a listener threw on the thread of the timer, until somebody can be told.
    private Exception? _timerFailure;

    /// <summary>Makes an empty domain.</summary>
    /// <param name="driver">The driver, which has <see cref="IommuTraits.Paging"/>.</param>
    /// <param name="options">What was asked for.</param>
    /// <param name="allocator">Where tables come from.</param>
    /// <param name="hardware">The primitives.</param>
    /// <param name="cache">
    /// The CPU's cache: tables are cleaned in it where the walk is not coherent, and its barrier is the fence between stores and invalidations. Null
    /// for coherent memory of this process, where a fence of the processor is enough. </param>
    /// <exception cref="IommuException">The options are not possible (EINVAL), or there is no memory for the root table (ENOMEM).</exception>
    /// <exception cref="ArgumentException">The driver has no page tables, or a walk that is not coherent and no cache.</exception>
    public PagingDomain(IommuDriver driver, DomainOptions options, PageAllocator allocator, THardware hardware, ICpuCache? cache = null)
        : base(driver, options)
    {
        ArgumentNullException.ThrowIfNull(allocator);
        var traits = driver.Traits;
        var paging = traits.Paging ?? throw new ArgumentException($"{traits.Name} has no page tables.", nameof(driver));
        if (cache is null && !paging.Flush.HasCoherentWalk)
        {
            throw new ArgumentException($"{traits.Name} does not snoop the CPU's cache, so its domains need it.", nameof(cache));
        }

        var rules = new SyncRules(paging.Flush, hasDirection: Policy != SyncPolicy.RangeFlush);
        bool hasVisibility = rules.OnMap != Maintenance.None;
        _table = MakeTable(traits, paging, options, hasVisibility, allocator);
        _policy = Policy;
        _mapUse = Policy switch
        {
            SyncPolicy.RangeFlush or SyncPolicy.SplitSync => GatherUse.SynchroniseRange,
            SyncPolicy.Explicit => GatherUse.Owe,
            _ => GatherUse.Synchronise,
        };
        _unmapUse = Policy == SyncPolicy.Deferred ? GatherUse.CleanOnly : _mapUse;
        bool hasBit = TFormat.SoftwareBit != 0;
        _counters = options.Counters;
        _tally = TFormat.HasGroups ? null : options.Tally;
        int granuleLog2 = BitOperations.TrailingZeroCount(_table.SupportedPageSizes);
        _sync = new DomainSync<THardware, TBatch>(
            hardware,
            cache,
            rules,
            [.. Enumerable.Range(0, _table.RootLevel + 1).Select(level => (byte)TFormat.EntryShift(level))],
            granuleLog2,
            options.FlushAllPages,
            hasVisibility && hasBit ? _table.MarkVisible : null,
            _counters);
        _retired = new RetiredTables(allocator, Layout<TFormat>.IndexBits + Layout<TFormat>.EntrySizeLog2, _sync.Failures, _counters);
        bool needsLock = _table.Release == TableRelease.WhenEmpty || options.SplitsPages || (hasVisibility && !hasBit);
        _operationLock = needsLock ? new Lock() : null;
        _mapsCompleteLocked = (hasVisibility && !hasBit) || options.SplitsPages;
        _splitsPages = options.SplitsPages;
        try
        {
            if (Policy == SyncPolicy.Deferred)
            {
                _deferred = new DeferredQueue<THardware, TBatch>(
                    _sync,
                    _retired,
                    options.DeferredCapacity,
                    granuleLog2,
                    options.DeferredAge,
                    options.Clock,
                    FlushOldUnmaps,
                    options.UnmapListener ?? (options.UnmapFlushed is { } flushed ? new UnmapFlushedAction(flushed) : null));
            }
            else if (Policy == SyncPolicy.Explicit)
            {
                _owed = new OwedWork<THardware, TBatch>(_sync, _retired, options.ExplicitCapacity, granuleLog2);
            }

            driver.Add(this);
        }
        catch
        {
            _deferred?.Dispose();
            _table.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Format => TFormat.Name;

    /// <inheritdoc/>
    public override ulong PageSizes => _table.SupportedPageSizes;

    /// <inheritdoc/>
    public override ulong ApertureEnd => _table.LastIova;

    /// <inheritdoc/>
    public override ulong RootAddress => _table.Root;

    /// <inheritdoc/>
    public override int RootLevel => _table.RootLevel;

    /// <inheritdoc/>
    public override bool TryFind(ulong iova, out PageMapping mapping) => _table.TryFind(iova, out mapping);

    /// <inheritdoc/>
    public override bool TryTranslate(ulong iova, out ulong physicalAddress) => _table.TryTranslate(iova, out physicalAddress);

    /// <inheritdoc/>
    public override bool TryFindNext(ulong iova, ulong last, out ulong mapped) => _table.TryFindNext(iova, last, out mapped);

    /// <inheritdoc/>
    // Within its caller the compiler would come to the limit of what it takes into one method, and leave calls where it matters.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public override IommuError TryMap(ulong iova, ulong physicalAddress, ulong size, Protection protection)
    {
        var operation = _operations.Enter();
        try
        {
            RecoverFirst();
            var error = _policy == SyncPolicy.PerPage
                ? MapPageByPage(iova, physicalAddress, size, protection)
                : MapGathered(iova, physicalAddress, size, protection);
            CountRanges(error, 1);
            EndOperation();
            return error;
        }
        finally
        {
            _operations.Exit(operation);
        }
    }

    /// <inheritdoc/>
    public override IommuError TryMapScatterGather(
        ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection, out ulong size)
    {
        var operation = _operations.Enter();
        try
        {
            RecoverFirst();
            var error = _policy == SyncPolicy.PerPage
                ? MapPageByPage(iova, ranges, protection, out size)
                : MapGathered(iova, ranges, protection, out size);
            CountRanges(error, ranges.Length);
            EndOperation();
            return error;
        }
        finally
        {
            _operations.Exit(operation);
        }
    }

    /// <inheritdoc/>
    public override IommuError TryUnmap(ulong iova, ulong size, out ulong unmapped) => TryUnmap(iova, size, 0, out unmapped);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal override IommuError TryUnmap(ulong iova, ulong size, ulong tag, out ulong unmapped)
    {
        var operation = _operations.Enter();
        try
        {
            RecoverFirst();
            var error = _policy == SyncPolicy.PerPage
                ? UnmapPageByPage(iova, size, out unmapped)
                : UnmapGathered(iova, size, tag, out unmapped);
            EndOperation();
            return error;
        }
        finally
        {
            _operations.Exit(operation);
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        var operation = _operations.Enter();
        try
        {
            FlushNow();
        }
        finally
        {
            _operations.Exit(operation);
        }
    }

    /// <inheritdoc/>
    public override void Flush(ulong iova, ulong size)
    {
        if (size == 0)
        {
            return;
        }

        var operation = _operations.Enter();
        try
        {
            RecoverFirst();
            var range = Interval.At(iova, size);
            _deferred?.FlushIfPending(range);
            _owed?.Flush(range);
            EndOperation();
        }
        finally
        {
            _operations.Exit(operation);
        }
    }

    private protected override void FreeTables()
    {
        _operations.Close();
        try
        {
            FlushNow();
        }
        catch
        {
            _operations.Reopen();
            throw;
        }

        _deferred?.Dispose();
        _table.Dispose();
    }

    private static PageTable<TFormat> MakeTable(
        IommuTraits traits, PagingTraits paging, DomainOptions options, bool hasVisibility, PageAllocator allocator)
    {
        var tableOptions = new PageTableOptions
        {
            InputBits = traits.InputBits,
            OutputBits = traits.OutputBits,
            PageSizes = ChoosePageSizes(traits, options),
            Release = options.Release ?? paging.Release,
            TracksVisibility = hasVisibility,
            SplitsPages = options.SplitsPages,
        };
        try
        {
            return new PageTable<TFormat>(tableOptions, allocator);
        }
        catch (ArgumentException exception)
        {
            throw new IommuException(IommuError.EINVAL, exception.Message);
        }
    }

    private void FlushNow()
    {
        RecoverFirst();
        _deferred?.Flush();
        _owed?.Flush();
        EndOperation();
    }

    /// <summary>Outside all locks: the queue's timer and listener, and what the hardware threw.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void EndOperation()
    {
        _deferred?.Settle();
        _sync.Failures.ThrowIfPending();
    }

    /// <summary>The timer of the queue: on a thread that has nobody to tell.</summary>
    private void FlushOldUnmaps()
    {
        if (!_operations.TryEnter(out var operation))
        {
            return;
        }

        try
        {
            try
            {
                _deferred!.FlushOld();
                _deferred.Settle();
            }
            finally
            {
                _operations.Exit(operation);
            }
        }
        catch (Exception exception)
        {
            Volatile.Write(ref _timerFailure, exception);
        }
    }

    /// <summary>After a failed invalidation, nothing is done before another has succeeded.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void RecoverFirst()
    {
        if (_sync.Failures.ArePending || _timerFailure is not null)
        {
            Recover();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Recover()
    {
        if (_sync.Failures.ArePending)
        {
            var tables = _retired.TakeStuck();
            bool isRecovered = _sync.TryRecover();
            _retired.Release(ref tables);
            if (isRecovered)
            {
                _deferred?.Recovered();
            }

            _sync.Failures.ThrowIfPending();
        }

        if (Interlocked.Exchange(ref _timerFailure, null) is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }
}
