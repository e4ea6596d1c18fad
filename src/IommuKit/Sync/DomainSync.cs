using System.Runtime.CompilerServices;
using IommuKit.Domains;
using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>
/// Turns runs of stored entries into maintenance of one domain's hardware: each cache line once, in the order that the hardware needs.
/// Every policy goes through here.
/// </summary>
internal sealed class DomainSync<THardware>
    where THardware : struct, IDomainHardware
{
    private readonly SyncRules _rules;
    private readonly PageAllocator _allocator;
    private readonly int _tableLog2;
    private readonly ulong _flushAllPages;
    private readonly EntryRunMarker? _markVisible;
    private readonly THardware _hardware;

    // Tables that were to be released while invalidations failed.
    private readonly Lock _stuckGate = new();
    private TableList _stuck;

    /// <summary>Makes the maintenance of one domain.</summary>
    /// <param name="hardware">The primitives.</param>
    /// <param name="rules">What each store needs.</param>
    /// <param name="allocator">Where tables go back to.</param>
    /// <param name="geometry">The page table's sizes.</param>
    /// <param name="markVisible">Told of pointers to tables that the walker now sees; null if nobody has to know.</param>
    /// <param name="options">The domain's options.</param>
    public DomainSync(
        THardware hardware,
        SyncRules rules,
        PageAllocator allocator,
        (int TableLog2, int GranuleLog2) geometry,
        EntryRunMarker? markVisible,
        DomainOptions options)
    {
        _hardware = hardware;
        _rules = rules;
        _allocator = allocator;
        _tableLog2 = geometry.TableLog2;
        GranuleLog2 = geometry.GranuleLog2;
        _markVisible = markVisible;
        _flushAllPages = options.FlushAllPages == 0 ? ulong.MaxValue : (ulong)options.FlushAllPages;
        Counters = options.Counters;
    }

    public DomainCounters? Counters { get; }

    /// <summary>Whether an invalidation failed, and nothing counts as dropped since.</summary>
    public bool HasFailed
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _hardware.HasFailed;
    }

    /// <summary>Log2 of the smallest page size.</summary>
    public int GranuleLog2 { get; }

    /// <summary>What a run needs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Maintenance NeedsOf(in EntryRun run) => _rules.For(run);

    /// <summary>Whether caches may hold something of the runs that must go.</summary>
    public bool NeedInvalidation(ReadOnlySpan<EntryRun> runs)
    {
        foreach (ref readonly var run in runs)
        {
            if ((_rules.For(run) & ~Maintenance.Clean) != 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether dropping everything is preferred to dropping ranges with that many pages.</summary>
    public bool IsWorthFlushingAll(ulong pages) => pages >= _flushAllPages;

    /// <summary>Lets other threads know which pointers to tables they may rely on.</summary>
    /// <param name="runs">Runs whose maintenance is complete.</param>
    public void MarkVisible(ReadOnlySpan<EntryRun> runs)
    {
        if (_markVisible is null)
        {
            return;
        }

        foreach (ref readonly var run in runs)
        {
            if (run.LinksTable)
            {
                _markVisible(run);
            }
        }
    }

    /// <summary>Writes a table that is about to be linked back to memory.</summary>
    public void CleanTable(ulong tableAddress, uint bytes)
    {
        Counters?.AddTable();
        if ((_rules.OnMap & Maintenance.Clean) != 0)
        {
            var lines = Lines.Around(tableAddress, bytes, _hardware.CacheLine);
            _hardware.Clean(lines.Start, lines.Bytes);
            _hardware.Barrier();
        }
    }

    /// <summary>
    /// Everything that one run needs, as an operation on neighbouring pages has it: the same as <see cref="Clean"/>, <see cref="Invalidate"/> and
    /// <see cref="MarkVisible"/> for a list of one.
    /// </summary>
    /// <param name="run">What was stored.</param>
    /// <param name="leaves">If not empty, the translations of all leaves are dropped by this range.</param>
    public void Synchronise(in EntryRun run, Interval leaves)
    {
        var needs = _rules.For(run);
        if ((needs & Maintenance.Clean) != 0)
        {
            var lines = Lines.Around(run.EntryAddress, run.Bytes, _hardware.CacheLine);
            _hardware.Clean(lines.Start, lines.Bytes);
            _hardware.Barrier();
        }

        if ((needs & ~Maintenance.Clean) != 0 && IsWorthFlushingAll(run.Pages(GranuleLog2)))
        {
            InvalidateAll();
        }
        else if ((needs & ~Maintenance.Clean) != 0 && _hardware.IsLive)
        {
            InvalidateRun(run, needs, leaves);
        }

        if (_markVisible is not null && run.LinksTable)
        {
            _markVisible(run);
        }
    }

    /// <summary>Writes runs back to memory and waits until a walker sees them.</summary>
    public void Clean(ReadOnlySpan<EntryRun> runs)
    {
        Lines done = default;
        foreach (ref readonly var run in runs)
        {
            if ((_rules.For(run) & Maintenance.Clean) == 0)
            {
                continue;
            }

            var lines = Lines.Around(run.EntryAddress, run.Bytes, _hardware.CacheLine).After(done);
            if (lines.Bytes != 0)
            {
                _hardware.Clean(lines.Start, lines.Bytes);
                done = lines;
            }
        }

        if (done.Bytes != 0)
        {
            _hardware.Barrier();
        }
    }

    /// <summary>
    /// Drops what caches may hold of runs: first table memory, then translations, because a translation dropped first could come back from
    /// a stale copy of its table. Runs are taken in the order in which they were stored: a pointer to a table before the table.
    /// </summary>
    /// <param name="runs">What was stored and written back.</param>
    /// <param name="leaves">If not empty, the translations of all leaves are dropped by this one range.</param>
    public void Invalidate(ReadOnlySpan<EntryRun> runs, Interval leaves)
    {
        if (!_hardware.IsLive)
        {
            return;
        }

        using var tables = new TableSpans(runs, _rules);
        _hardware.BeginInvalidation();
        try
        {
            InvalidateTableCache(runs);
            InvalidateTlb(runs, tables, hasLeafRange: !leaves.IsEmpty);
            if (!leaves.IsEmpty)
            {
                _hardware.InvalidateTlb(leaves.First, leaves.Bytes, level: 0);
            }

            _hardware.Complete();
        }
        finally
        {
            _hardware.EndInvalidation();
        }

        Counters?.AddSync();
    }

    /// <summary>As <see cref="Invalidate"/>, without a wait: more will follow.</summary>
    /// <param name="runs">What was stored and written back.</param>
    /// <param name="hasLeafRange">Whether the last call will drop the translations of all leaves.</param>
    public void BeginInvalidating(ReadOnlySpan<EntryRun> runs, bool hasLeafRange)
    {
        if (_hardware.IsLive)
        {
            using var tables = new TableSpans(runs, _rules);
            _hardware.BeginInvalidation();
            try
            {
                InvalidateTableCache(runs);
                InvalidateTlb(runs, tables, hasLeafRange);
            }
            finally
            {
                _hardware.EndInvalidation();
            }
        }
    }

    /// <summary>Drops everything cached of the domain and waits for it.</summary>
    public void InvalidateAll()
    {
        if (_hardware.IsLive)
        {
            _hardware.BeginInvalidation();
            try
            {
                _hardware.InvalidateAll();
                _hardware.Complete();
            }
            finally
            {
                _hardware.EndInvalidation();
            }

            Counters?.AddSync();
        }
    }

    /// <summary>
    /// Tries again to drop everything after an invalidation failed, and gives back the tables that waited for it.
    /// </summary>
    /// <exception cref="Exception">What the hardware failed with, this time too.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Recover()
    {
        TableList tables = default;
        lock (_stuckGate)
        {
            Move(ref _stuck, ref tables);
        }

        InvalidateAll();
        Release(ref tables);
        ThrowIfFailed();
    }

    /// <summary>At the end of an operation: throws if an invalidation failed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ThrowIfFailed()
    {
        if (_hardware.HasFailed)
        {
            _hardware.ThrowFailure();
        }
    }

    /// <summary>Gives tables back that nothing can reach any more.</summary>
    public void Release(ref TableList tables)
    {
        if (tables.IsEmpty)
        {
            return;
        }

        if (_hardware.HasFailed)
        {
            lock (_stuckGate)
            {
                // Recovered meanwhile: that dropped what these tables held.
                if (_hardware.HasFailed)
                {
                    Move(ref tables, ref _stuck);
                    return;
                }
            }
        }

        Counters?.AddFreedTables(tables.Count);
        _allocator.FreeAll(_tableLog2, ref tables);
    }

    /// <summary>Puts a table on a list until it can be released.</summary>
    public void Keep(ref TableList tables, ulong tableAddress) => _allocator.Push(ref tables, tableAddress);

    /// <summary>Moves tables from one list to another.</summary>
    public void Move(ref TableList from, ref TableList to) => _allocator.Append(ref to, ref from);

    private void InvalidateRun(in EntryRun run, Maintenance needs, Interval leaves)
    {
        _hardware.BeginInvalidation();
        try
        {
            if ((needs & Maintenance.TableCache) != 0)
            {
                var lines = Lines.Around(run.EntryAddress, run.Bytes, _rules.TableCacheLine);
                _hardware.InvalidateTableCache(lines.Start, lines.Bytes);
            }

            if ((needs & Maintenance.Tlb) != 0 && (run.ChangesTable || leaves.IsEmpty))
            {
                _hardware.InvalidateTlb(run.Iova, run.Span, run.Level);
            }

            if (!leaves.IsEmpty)
            {
                _hardware.InvalidateTlb(leaves.First, leaves.Bytes, level: 0);
            }

            _hardware.Complete();
        }
        finally
        {
            // Registers are given back, whatever a callback behind them does.
            _hardware.EndInvalidation();
        }

        Counters?.AddSync();
    }

    private void InvalidateTableCache(ReadOnlySpan<EntryRun> runs)
    {
        if (_rules.TableCacheLine == 0)
        {
            return;
        }

        Lines done = default;
        foreach (ref readonly var run in runs)
        {
            if ((_rules.For(run) & Maintenance.TableCache) == 0)
            {
                continue;
            }

            var lines = Lines.Around(run.EntryAddress, run.Bytes, _rules.TableCacheLine).After(done);
            if (lines.Bytes != 0)
            {
                _hardware.InvalidateTableCache(lines.Start, lines.Bytes);
                done = lines;
            }
        }
    }

    private void InvalidateTlb(ReadOnlySpan<EntryRun> runs, in TableSpans tables, bool hasLeafRange)
    {
        // Neighbouring runs of one level are one range, also across tables.
        EntryRun range = default;
        bool hasRange = false;
        foreach (ref readonly var run in runs)
        {
            if ((_rules.For(run) & Maintenance.Tlb) == 0 || (!run.ChangesTable && (hasLeafRange || tables.Contains(run))))
            {
                continue;
            }

            if (hasRange && run.Level == range.Level && range.IsFollowedBy(run) && run.Span < ulong.MaxValue - range.Span)
            {
                range = range with { Span = range.Span + run.Span };
                continue;
            }

            if (hasRange)
            {
                _hardware.InvalidateTlb(range.Iova, range.Span, range.Level);
            }

            range = run;
            hasRange = true;
        }

        if (hasRange)
        {
            _hardware.InvalidateTlb(range.Iova, range.Span, range.Level);
        }
    }
}
