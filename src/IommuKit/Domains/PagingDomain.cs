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

    // Held while tables may be given back because they are empty; the other rules need no lock.
    private readonly object? _tableLock;

    public PagingDomain(IommuDriver driver, DomainOptions options, PageAllocator allocator, PageTable<TFormat> table, THardware hardware)
        : base(driver, options)
    {
        var rules = new SyncRules(driver.Traits, hasDirection: Policy != SyncPolicy.RangeFlush);
        _table = table;
        _sync = new DomainSync<THardware>(hardware, rules, allocator, TFormat.IndexBits(0) + TFormat.EntrySizeLog2, options);
        _counters = options.Counters;
        _tableLock = table.Release == TableRelease.WhenEmpty ? new object() : null;
        if (Policy == SyncPolicy.Deferred)
        {
            _deferred = new DeferredQueue<THardware>(_sync, options.DeferredCapacity, options.DeferredAge, options.Clock);
        }
        else if (Policy == SyncPolicy.Explicit)
        {
            _owed = new OwedWork<THardware>(_sync);
        }
    }

    public override ulong PageSizes => _table.SupportedPageSizes;

    public override ulong ApertureEnd => _table.LastIova;

    public override ulong RootAddress => _table.Root;

    public override bool TryFind(ulong iova, out PageMapping mapping) => _table.TryFind(iova, out mapping);

    public override bool TryFindNext(ulong iova, ulong last, out ulong mapped) => _table.TryFindNext(iova, last, out mapped);

    [SkipLocalsInit]
    public override IommuError TryMapScatterGather(
        ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection, out ulong size)
    {
        _counters?.AddRanges(ranges.Length);
        if (Policy == SyncPolicy.PerPage)
        {
            var sink = new PerPageSink<THardware>(_sync);
            return Fill(iova, ranges, protection, ref sink, out size);
        }
        else
        {
            if (_deferred is not null || _owed is not null)
            {
                FlushBeforeReuse(iova, ranges);
            }

            var sink = new GatherSink<THardware>(_sync, MapUse, _owed);
            var error = Fill(iova, ranges, protection, ref sink, out size);
            if (error == IommuError.None)
            {
                Finish(ref sink, iova, size);
            }

            return error;
        }
    }

    [SkipLocalsInit]
    public override ulong Unmap(ulong iova, ulong size)
    {
        ulong unmapped;
        if (Policy == SyncPolicy.PerPage)
        {
            var sink = new PerPageSink<THardware>(_sync);
            unmapped = Clear(iova, size, ref sink);
        }
        else
        {
            var sink = new GatherSink<THardware>(_sync, UnmapUse, _owed);
            unmapped = Clear(iova, size, ref sink);
            if (unmapped == 0)
            {
                return 0;
            }

            if (_deferred is not null)
            {
                var tables = sink.CleanOnly();
                var range = new Interval(iova, iova + (unmapped - 1)).Around(sink.UnlinkedSpan);
                _deferred.Add(range, tables);
            }
            else
            {
                Finish(ref sink, iova, Math.Max(size, unmapped));
            }
        }

        return unmapped;
    }

    public override void Flush()
    {
        _deferred?.Flush();
        _owed?.Flush();
    }

    public override void Flush(ulong iova, ulong size)
    {
        if (size == 0)
        {
            return;
        }

        var range = new Interval(iova, iova + Math.Min(size - 1, ulong.MaxValue - iova));
        _deferred?.FlushIfQueued(range);
        _owed?.Flush(range);
    }

    private protected override void FreeTables() => _table.Dispose();

    private GatherUse MapUse => Policy switch
    {
        SyncPolicy.RangeFlush or SyncPolicy.SplitSync => GatherUse.SynchroniseRange,
        SyncPolicy.Explicit => GatherUse.Owe,
        _ => GatherUse.Synchronise,
    };

    private GatherUse UnmapUse => Policy == SyncPolicy.Deferred ? GatherUse.CleanOnly : MapUse;

    private IommuError Fill<TSink>(
        ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection, ref TSink sink, out ulong size)
        where TSink : struct, IFootprintSink
    {
        if (_tableLock is null)
        {
            return _table.MapScatterGather(iova, ranges, protection, ref sink, out size);
        }

        lock (_tableLock)
        {
            return _table.MapScatterGather(iova, ranges, protection, ref sink, out size);
        }
    }

    private ulong Clear<TSink>(ulong iova, ulong size, ref TSink sink)
        where TSink : struct, IFootprintSink
    {
        if (_tableLock is null)
        {
            return _table.Unmap(iova, size, ref sink);
        }

        lock (_tableLock)
        {
            return _table.Unmap(iova, size, ref sink);
        }
    }

    private void Finish(ref GatherSink<THardware> sink, ulong iova, ulong size)
    {
        if (_owed is not null)
        {
            sink.Owe();
        }
        else
        {
            sink.Synchronise(new Interval(iova, iova + (size - 1)));
        }
    }

    /// <summary>An IOVA must not get a new mapping while a device may still use the old one.</summary>
    private void FlushBeforeReuse(ulong iova, ReadOnlySpan<PhysicalRange> ranges)
    {
        ulong last = iova;
        foreach (ref readonly var range in ranges)
        {
            last = range.Length > ulong.MaxValue - last ? ulong.MaxValue : last + range.Length;
        }

        if (last != iova)
        {
            var wanted = new Interval(iova, last - 1);
            _deferred?.FlushIfQueued(wanted);
            _owed?.FlushIfRemoved(wanted);
        }
    }
}
