using System.Numerics;
using System.Runtime.CompilerServices;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Sync;

namespace IommuKit.Domains;

/// <summary>A domain with a page table: the policies, once for every format and every driver.</summary>
internal sealed class PagingDomain<TFormat, THardware> : IommuDomain
    where TFormat : struct, IPageTableFormat
    where THardware : struct, IDomainHardware
{
    private readonly PageTable<TFormat> _table;
    private readonly DomainSync<THardware> _sync;
    private readonly DeferredQueue<THardware>? _deferred;
    private readonly OwedWork<THardware>? _owed;
    private readonly DomainCounters? _counters;
    private readonly OperationGate _operations = new();
    private readonly SyncPolicy _policy;
    private readonly GatherUse _mapUse;
    private readonly GatherUse _unmapUse;

    // Held over an operation with its maintenance where threads could not tell what others have not finished: while tables may go because they are
    // empty or pages are split, and where pointers to tables need maintenance but have no bit to say that it is done.
    // Mainline's Tegra driver has such a lock too.
    private readonly Lock? _operationLock;

    public PagingDomain(IommuDriver driver, DomainOptions options, PageAllocator allocator, PageTableOptions tableOptions, THardware hardware)
        : base(driver, options)
    {
        var rules = new SyncRules(driver.Traits, hasDirection: Policy != SyncPolicy.RangeFlush);
        bool hasVisibility = rules.OnMap != Maintenance.None;
        try
        {
            _table = new PageTable<TFormat>(
                tableOptions with { TracksVisibility = hasVisibility, SplitsPages = options.SplitsPages }, allocator);
        }
        catch (ArgumentException exception)
        {
            throw new IommuException(IommuError.EINVAL, exception.Message);
        }

        _policy = Policy;
        _mapUse = Policy switch
        {
            SyncPolicy.RangeFlush or SyncPolicy.SplitSync => GatherUse.SynchroniseRange,
            SyncPolicy.Explicit => GatherUse.Owe,
            _ => GatherUse.Synchronise,
        };
        _unmapUse = Policy == SyncPolicy.Deferred ? GatherUse.CleanOnly : _mapUse;
        bool hasBit = TFormat.SoftwareBit != 0;
        _sync = new DomainSync<THardware>(
            hardware,
            rules,
            allocator,
            (Layout<TFormat>.IndexBits + Layout<TFormat>.EntrySizeLog2, BitOperations.TrailingZeroCount(_table.SupportedPageSizes)),
            hasVisibility && hasBit ? _table.MarkVisible : null,
            options);
        _counters = options.Counters;
        bool needsLock = _table.Release == TableRelease.WhenEmpty || options.SplitsPages || (hasVisibility && !hasBit);
        _operationLock = needsLock ? new Lock() : null;
        if (Policy == SyncPolicy.Deferred)
        {
            _deferred = new DeferredQueue<THardware>(_sync, options.DeferredCapacity, options.DeferredAge, options.Clock);
        }
        else if (Policy == SyncPolicy.Explicit)
        {
            _owed = new OwedWork<THardware>(_sync, options.ExplicitCapacity);
        }

        try
        {
            driver.Add(this);
        }
        catch
        {
            _table.Dispose();
            throw;
        }
    }

    public override ulong PageSizes => _table.SupportedPageSizes;

    public override ulong ApertureEnd => _table.LastIova;

    public override ulong RootAddress => _table.Root;

    public override int RootLevel => _table.RootLevel;

    public override bool TryFind(ulong iova, out PageMapping mapping) => _table.TryFind(iova, out mapping);

    public override bool TryTranslate(ulong iova, out ulong physicalAddress) => _table.TryTranslate(iova, out physicalAddress);

    public override bool TryFindNext(ulong iova, ulong last, out ulong mapped) => _table.TryFindNext(iova, last, out mapped);

    public override IommuError TryMap(ulong iova, ulong physicalAddress, ulong size, Protection protection)
    {
        var operation = _operations.Enter();
        try
        {
            RecoverFirst();
            var error = _operationLock is null
                ? MapNow(iova, physicalAddress, size, protection)
                : MapLocked(iova, physicalAddress, size, protection);
            _sync.ThrowIfFailed();
            return error;
        }
        finally
        {
            _operations.Exit(operation);
        }
    }

    public override IommuError TryMapScatterGather(
        ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection, out ulong size)
    {
        var operation = _operations.Enter();
        try
        {
            RecoverFirst();
            var error = _operationLock is null
                ? MapNow(iova, ranges, protection, out size)
                : MapLocked(iova, ranges, protection, out size);
            _sync.ThrowIfFailed();
            return error;
        }
        finally
        {
            _operations.Exit(operation);
        }
    }

    public override IommuError TryUnmap(ulong iova, ulong size, out ulong unmapped)
    {
        var operation = _operations.Enter();
        try
        {
            RecoverFirst();
            var error = _operationLock is null
                ? UnmapNow(iova, size, out unmapped)
                : UnmapLocked(iova, size, out unmapped);
            _sync.ThrowIfFailed();
            return error;
        }
        finally
        {
            _operations.Exit(operation);
        }
    }

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
            _deferred?.FlushIfQueued(range);
            _owed?.Flush(range);
            _sync.ThrowIfFailed();
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

        _table.Dispose();
    }

    private void FlushNow()
    {
        RecoverFirst();
        _deferred?.Flush();
        _owed?.Flush();
        _sync.ThrowIfFailed();
    }

    /// <summary>After a failed invalidation, nothing is done before another has succeeded.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void RecoverFirst()
    {
        if (_sync.HasFailed)
        {
            _sync.Recover();
        }
    }

    // What is rare is in methods of its own: a sink on the stack is cleared at each call of the method it is in, used or not.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private IommuError MapLocked(ulong iova, ulong physicalAddress, ulong size, Protection protection)
    {
        lock (_operationLock!)
        {
            return MapNow(iova, physicalAddress, size, protection);
        }
    }

    private IommuError MapLocked(ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection, out ulong size)
    {
        lock (_operationLock!)
        {
            return MapNow(iova, ranges, protection, out size);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private IommuError MapPageByPage(ulong iova, ulong physicalAddress, ulong size, Protection protection)
    {
        var sink = new PerPageSink<THardware>(_sync);
        var error = _table.Map(iova, physicalAddress, size, protection, ref sink);
        CountRanges(error, 1);
        return error;
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private IommuError MapNow(ulong iova, ulong physicalAddress, ulong size, Protection protection)
    {
        if (_policy == SyncPolicy.PerPage)
        {
            return MapPageByPage(iova, physicalAddress, size, protection);
        }

        FlushBeforeReuse(iova, size);
        var sink = new GatherSink<THardware>(_sync, _mapUse, _owed);
        var error = _table.Map(iova, physicalAddress, size, protection, ref sink);
        Finish(ref sink, Interval.At(iova, size), error);
        CountRanges(error, 1);
        return error;
    }

    [SkipLocalsInit]
    private IommuError MapNow(ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection, out ulong size)
    {
        IommuError error;
        if (_policy == SyncPolicy.PerPage)
        {
            var sink = new PerPageSink<THardware>(_sync);
            error = _table.MapScatterGather(iova, ranges, protection, ref sink, out size);
        }
        else
        {
            if (_deferred is not null || _owed is not null)
            {
                FlushBeforeReuse(iova, TotalOf(ranges));
            }

            var sink = new GatherSink<THardware>(_sync, _mapUse, _owed);
            error = _table.MapScatterGather(iova, ranges, protection, ref sink, out size);
            Finish(ref sink, Interval.At(iova, size), error);
        }

        CountRanges(error, ranges.Length);
        return error;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private IommuError UnmapLocked(ulong iova, ulong size, out ulong unmapped)
    {
        lock (_operationLock!)
        {
            return UnmapNow(iova, size, out unmapped);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private IommuError UnmapPageByPage(ulong iova, ulong size, out ulong unmapped)
    {
        var sink = new PerPageSink<THardware>(_sync);
        return _table.TryUnmap(iova, size, ref sink, out unmapped);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private IommuError UnmapNow(ulong iova, ulong size, out ulong unmapped)
    {
        if (_policy == SyncPolicy.PerPage)
        {
            return UnmapPageByPage(iova, size, out unmapped);
        }

        long now = _deferred?.Now() ?? 0;
        var sink = new GatherSink<THardware>(_sync, _unmapUse, _owed);
        var error = _table.TryUnmap(iova, size, ref sink, out unmapped);
        if (unmapped == 0)
        {
            // Nothing was stored.
            return error;
        }

        if (_deferred is not null)
        {
            var tables = sink.CleanOnly();
            _deferred.Add(Unmapped(iova, unmapped).Around(sink.UnlinkedSpan), tables, now);
            _counters?.AddPutOff(unmapped);
        }
        else
        {
            Finish(ref sink, Unmapped(iova, Math.Max(size, unmapped)), IommuError.None);
            if (_owed is not null)
            {
                _counters?.AddPutOff(unmapped);
            }
        }

        return error;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Finish(ref GatherSink<THardware> sink, Interval range, IommuError error)
    {
        if (error != IommuError.None)
        {
            return;
        }

        if (_owed is not null)
        {
            sink.Owe();
        }
        else
        {
            sink.Finish(range);
        }
    }

    /// <summary>
    /// What an unmap took away. If that was all there is, its last page larger than asked for, the number of bytes did not fit.
    /// </summary>
    private static Interval Unmapped(ulong iova, ulong bytes) =>
        iova == 0 && bytes > ulong.MaxValue / 2 ? new Interval(0, ulong.MaxValue) : Interval.At(iova, bytes);

    private void CountRanges(IommuError error, int count)
    {
        if (_counters is not null && error == IommuError.None)
        {
            _counters.AddRanges(count);
        }
    }

    /// <summary>An IOVA must not get a new mapping while a device may still use the old one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FlushBeforeReuse(ulong iova, ulong size)
    {
        if ((_deferred is not null || _owed is not null) && size != 0)
        {
            var wanted = Interval.At(iova, size);
            _deferred?.FlushIfQueued(wanted);
            _owed?.FlushIfRemoved(wanted);
            _sync.ThrowIfFailed();
        }
    }

    private static ulong TotalOf(ReadOnlySpan<PhysicalRange> ranges)
    {
        ulong total = 0;
        foreach (ref readonly var range in ranges)
        {
            total = range.Length > ulong.MaxValue - total ? ulong.MaxValue : total + range.Length;
        }

        return total;
    }
}
