using System.Runtime.CompilerServices;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;

namespace IommuKit.Sync;

/// <summary>
/// Turns runs of stored entries into maintenance of one domain's hardware: each cache line once, in the order that the hardware needs.
/// Every policy goes through here.
/// </summary>
/// <remarks>
/// The order is said once, in <see cref="Submit(ReadOnlySpan{EntryRun}, Interval, bool, ulong, ref FlushBatch{TBatch})"/>, <see cref="Complete"/> and <see cref="MarkVisible"/>: clean, fence, look whether hardware is
/// live, table cache, TLB, submit; wait, outside locks of the domain; then other threads may rely on new tables, and old ones go back.
/// </remarks>
internal sealed class DomainSync<THardware, TBatch>
    where THardware : struct, IDomainHardware<TBatch>
    where TBatch : struct
{
    private readonly THardware _hardware;
    private readonly ICpuCache? _cache;
    private readonly int _cacheLine;
    private readonly SyncRules _rules;
    private readonly byte[] _entryLog2;
    private readonly int _granuleLog2;
    private readonly ulong _flushAllPages;
    private readonly EntryRunMarker? _markVisible;

    /// <summary>Makes the maintenance of one domain.</summary>
    /// <param name="hardware">The primitives.</param>
    /// <param name="cache">The CPU's cache, whose barrier is the fence too; null for coherent memory of this process.</param>
    /// <param name="rules">What each store needs.</param>
    /// <param name="entryLog2">Log2 of the bytes of IOVA that an entry of each level translates.</param>
    /// <param name="granuleLog2">Log2 of the domain's smallest page.</param>
    /// <param name="flushAllPages">From how many pages on everything is dropped instead of ranges; 0 means never.</param>
    /// <param name="markVisible">Told of pointers to tables that the walker now sees; null if nobody has to know.</param>
    /// <param name="counters">Counts, or null.</param>
    public DomainSync(
        THardware hardware,
        ICpuCache? cache,
        SyncRules rules,
        byte[] entryLog2,
        int granuleLog2,
        int flushAllPages,
        EntryRunMarker? markVisible,
        DomainCounters? counters)
    {
        _hardware = hardware;
        _cache = cache;
        _cacheLine = cache?.LineSize ?? 0;
        _rules = rules;
        _entryLog2 = entryLog2;
        _granuleLog2 = granuleLog2;
        _flushAllPages = flushAllPages == 0 ? ulong.MaxValue : (ulong)flushAllPages;
        _markVisible = markVisible;
        Counters = counters;
    }

    public DomainCounters? Counters { get; }

    /// <summary>What the hardware threw.</summary>
    public FlushFailures Failures { get; } = new();

    /// <summary>Whether every store of an unmap is cleaned, with a fence after it.</summary>
    public bool UnmapsClean => (_rules.OnUnmap & Maintenance.Clean) != 0;

    /// <summary>What a run needs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Maintenance NeedsOf(in EntryRun run) => _rules.For(run);

    /// <summary>What runs need, all together.</summary>
    public Maintenance NeedsOf(ReadOnlySpan<EntryRun> runs)
    {
        var needs = Maintenance.None;
        foreach (ref readonly var run in runs)
        {
            needs |= _rules.For(run);
        }

        return needs;
    }

    /// <summary>How many of the domain's smallest pages a run translates, or translated.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong PagesOf(in EntryRun run) => run.Pages(_granuleLog2);

    /// <summary>Whether dropping everything is preferred to dropping ranges with that many pages.</summary>
    public bool IsWorthFlushingAll(ulong pages) => pages >= _flushAllPages;

    /// <summary>Writes a table that is about to be linked back to memory.</summary>
    public void CleanTable(ulong tableAddress, uint bytes)
    {
        Counters?.AddTable();
        if ((_rules.OnMap & Maintenance.Clean) != 0)
        {
            var lines = Lines.Around(tableAddress, bytes, _cacheLine);
            Clean(lines);
            Fence();
        }
    }

    /// <summary>Everything that runs need, with the wait.</summary>
    /// <param name="runs">What was stored, in that order.</param>
    /// <param name="pages">How many pages the runs, and others that go with them, translated: the measure for dropping everything.</param>
    /// <param name="mustDropAll">Whether everything has to be dropped in any case.</param>
    public void Synchronise(ReadOnlySpan<EntryRun> runs, ulong pages, bool mustDropAll = false)
    {
        FlushBatch<TBatch> batch = default;
        if (mustDropAll)
        {
            Clean(runs);
            SubmitAll(ref batch, isFenced: (NeedsOf(runs) & Maintenance.Clean) != 0);
        }
        else
        {
            Submit(runs, Interval.Empty, dropsLeavesByRange: false, pages, ref batch);
        }

        Complete(ref batch);
        MarkVisible(runs);
    }

    /// <summary>
    /// Writes runs back to memory, and starts to drop what caches may hold of them. Runs are taken in the order in which they were stored: a pointer
    /// to a table before the table.
    /// </summary>
    /// <param name="runs">What was stored.</param>
    /// <param name="operation">The range of the operation; empty if there are several.</param>
    /// <param name="dropsLeavesByRange">Whether the translations of all leaves are dropped by that one range.</param>
    /// <param name="pages">How many pages the operation concerned so far.</param>
    /// <param name="batch">What the operation submitted before.</param>
    public void Submit(ReadOnlySpan<EntryRun> runs, Interval operation, bool dropsLeavesByRange, ulong pages, ref FlushBatch<TBatch> batch)
    {
        var needs = NeedsOf(runs);
        if ((needs & Maintenance.Clean) != 0)
        {
            Clean(runs);
        }

        if ((needs & ~Maintenance.Clean) == 0)
        {
            return;
        }

        if (IsWorthFlushingAll(pages))
        {
            SubmitAll(ref batch, isFenced: (needs & Maintenance.Clean) != 0);
        }
        else if (IsLiveAfterStores(isFenced: (needs & Maintenance.Clean) != 0))
        {
            Issue(runs, operation, dropsLeavesByRange, ref batch);
        }
    }

    /// <summary>As <see cref="Submit(ReadOnlySpan{EntryRun}, Interval, bool, ulong, ref FlushBatch{TBatch})"/>, for the one run that most operations store.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Submit(in EntryRun run, Interval operation, bool dropsLeavesByRange, ulong pages, ref FlushBatch<TBatch> batch)
    {
        var needs = _rules.For(run);
        if (needs == Maintenance.Tlb && !dropsLeavesByRange && !IsWorthFlushingAll(pages))
        {
            // A walker that snoops, with nothing but a TLB.
            if (IsLiveAfterStores(isFenced: false))
            {
                IssueTlb(run, operation, ref batch);
            }

            return;
        }

        Submit(new ReadOnlySpan<EntryRun>(in run), operation, dropsLeavesByRange, pages, ref batch);
    }

    /// <summary>As <see cref="Submit(ReadOnlySpan{EntryRun}, Interval, bool, ulong, ref FlushBatch{TBatch})"/>, for some of the runs of an operation with many, which were written back before.</summary>
    /// <param name="runs">What was stored and written back.</param>
    /// <param name="operation">The range of the operation; empty if it goes on.</param>
    /// <param name="dropsLeavesByRange">Whether the translations of all leaves are dropped by that one range, now or later.</param>
    /// <param name="batch">What the operation submitted before.</param>
    public void SubmitPart(ReadOnlySpan<EntryRun> runs, Interval operation, bool dropsLeavesByRange, ref FlushBatch<TBatch> batch)
    {
        if (IsLiveAfterStores(isFenced: (NeedsOf(runs) & Maintenance.Clean) != 0))
        {
            Issue(runs, operation, dropsLeavesByRange, ref batch);
        }
    }

    /// <summary>Starts to drop everything cached of the domain.</summary>
    /// <param name="batch">What the operation submitted before.</param>
    /// <param name="isFenced">Whether a fence came after the last store.</param>
    public void SubmitAll(ref FlushBatch<TBatch> batch, bool isFenced = false)
    {
        if (!IsLiveAfterStores(isFenced))
        {
            return;
        }

        try
        {
            _hardware.Begin(ref batch.Commands);
            try
            {
                _hardware.InvalidateAll(ref batch.Commands);
            }
            finally
            {
                _hardware.Submit(ref batch.Commands);
            }
        }
        catch (Exception exception)
        {
            Failures.Add(exception);
        }

        batch.MustWait = true;
    }

    /// <summary>Waits until what was submitted took effect; the caller holds no lock of the domain that others need for their operations.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Complete(ref FlushBatch<TBatch> batch)
    {
        if (batch.MustWait)
        {
            Wait(ref batch);
        }
    }

    /// <summary>Lets other threads know which pointers to tables they may rely on.</summary>
    /// <param name="runs">Runs whose maintenance is complete.</param>
    public void MarkVisible(ReadOnlySpan<EntryRun> runs)
    {
        if (_markVisible is null || Failures.ArePending)
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

            var lines = Lines.Around(run.EntryAddress, run.Bytes, _cacheLine).After(done);
            if (lines.Bytes != 0)
            {
                Clean(lines);
                done = lines;
            }
        }

        if (done.Bytes != 0)
        {
            Fence();
        }
    }

    /// <summary>After a failure: does again what failed, drops everything, and waits.</summary>
    /// <returns>Whether that succeeded.</returns>
    public bool TryRecover()
    {
        long failures = Failures.Count;
        var dirty = Failures.TakeDirty();
        if (dirty.Bytes != 0)
        {
            Clean(dirty);
        }

        FlushBatch<TBatch> batch = default;
        SubmitAll(ref batch);
        Complete(ref batch);
        Failures.Recovered(failures);
        return !Failures.ArePending;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Wait(ref FlushBatch<TBatch> batch)
    {
        batch.MustWait = false;
        try
        {
            _hardware.Wait(ref batch.Commands);
        }
        catch (Exception exception)
        {
            Failures.Add(exception);
        }

        Counters?.AddSync();
    }

    /// <summary>
    /// Whether hardware may hold something of the domain. Attaching makes it live first and drops everything then; so either this sees that it is
    /// live, or that drop comes after the stores. It takes a full fence, on coherent walkers too: a processor may delay stores past a load.
    /// </summary>
    private bool IsLiveAfterStores(bool isFenced)
    {
        if (!isFenced)
        {
            Fence();
        }

        return _hardware.IsLive;
    }

    private void Clean(Lines lines)
    {
        try
        {
            _cache!.Clean(lines.Start, lines.Bytes);
        }
        catch (Exception exception)
        {
            Failures.AddDirty(exception, lines.Start, lines.Bytes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Fence()
    {
        if (_cache is null)
        {
            Interlocked.MemoryBarrier();
        }
        else
        {
            FenceCache(_cache);
        }
    }

    private void FenceCache(ICpuCache cache)
    {
        try
        {
            cache.Barrier();
        }
        catch (Exception exception)
        {
            Failures.Add(exception);
        }
    }

    private void Issue(ReadOnlySpan<EntryRun> runs, Interval operation, bool dropsLeavesByRange, ref FlushBatch<TBatch> batch)
    {
        try
        {
            _hardware.Begin(ref batch.Commands);
            try
            {
                InvalidateTableCache(runs, ref batch.Commands);
                if (!dropsLeavesByRange || operation.IsEmpty)
                {
                    InvalidateTlb(runs, operation, hasLeafRange: dropsLeavesByRange, ref batch.Commands);
                }
                else
                {
                    InvalidateByRange(runs, operation, ref batch.Commands);
                }
            }
            finally
            {
                _hardware.Submit(ref batch.Commands);
            }
        }
        catch (Exception exception)
        {
            Failures.Add(exception);
        }

        batch.MustWait = true;
    }

    private void IssueTlb(in EntryRun run, Interval operation, ref FlushBatch<TBatch> batch)
    {
        try
        {
            _hardware.Begin(ref batch.Commands);
            try
            {
                _hardware.InvalidateTlb(ref batch.Commands, RangeOf(run, run.Span, operation));
            }
            finally
            {
                _hardware.Submit(ref batch.Commands);
            }
        }
        catch (Exception exception)
        {
            Failures.Add(exception);
        }

        batch.MustWait = true;
    }

    private void InvalidateTableCache(ReadOnlySpan<EntryRun> runs, ref TBatch batch)
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
                _hardware.InvalidateTableCache(ref batch, lines.Start, lines.Bytes);
                done = lines;
            }
        }
    }

    private void InvalidateByRange(ReadOnlySpan<EntryRun> runs, Interval operation, ref TBatch batch)
    {
        bool isMap = runs.Length != 0 && runs[0].AddsAccess;
        bool linksTables = false;
        if (isMap && _rules.PagesDropInvalidEntries)
        {
            foreach (ref readonly var run in runs)
            {
                linksTables |= run.ChangesTable;
            }
        }
        else
        {
            InvalidateTlb(runs, operation, hasLeafRange: true, ref batch);
        }

        _hardware.InvalidateTlb(ref batch, new TlbRange(operation.First, operation.Bytes, _granuleLog2, linksTables) { FollowsMap = isMap });
    }

    private void InvalidateTlb(ReadOnlySpan<EntryRun> runs, Interval operation, bool hasLeafRange, ref TBatch batch)
    {
        if (runs.Length == 1)
        {
            ref readonly var run = ref runs[0];
            if ((_rules.For(run) & Maintenance.Tlb) != 0 && (run.ChangesTable || !hasLeafRange))
            {
                _hardware.InvalidateTlb(ref batch, RangeOf(run, run.Span, operation));
            }

            return;
        }

        InvalidateTlbOfMany(runs, operation, hasLeafRange, ref batch);
    }

    private void InvalidateTlbOfMany(ReadOnlySpan<EntryRun> runs, Interval operation, bool hasLeafRange, ref TBatch batch)
    {
        using var tables = new TableSpans(runs, _rules, operation);

        // Neighbouring runs of one kind and level are one range, also across tables.
        EntryRun range = default;
        bool hasRange = false;
        foreach (ref readonly var run in runs)
        {
            if ((_rules.For(run) & Maintenance.Tlb) == 0 || (!run.ChangesTable && (hasLeafRange || tables.Contains(run))))
            {
                continue;
            }

            if (hasRange
                && run.Level == range.Level
                && run.ChangesTable == range.ChangesTable
                && range.IsFollowedBy(run)
                && run.Span < ulong.MaxValue - range.Span)
            {
                range = range with { Span = range.Span + run.Span };
                continue;
            }

            if (hasRange)
            {
                _hardware.InvalidateTlb(ref batch, RangeOf(range, range.Span, operation));
            }

            range = run;
            hasRange = true;
        }

        if (hasRange)
        {
            _hardware.InvalidateTlb(ref batch, RangeOf(range, range.Span, operation));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TlbRange RangeOf(in EntryRun run, ulong span, Interval operation) =>
        run.ChangesTable
            ? RangeOfTable(run, span, operation)
            : new TlbRange(run.Iova, span, _entryLog2[run.Level], ChangesTables: false) { FollowsMap = run.AddsAccess };

    // Under a pointer to a table there may be leaves of the smallest size.
    private TlbRange RangeOfTable(in EntryRun run, ulong span, Interval operation)
    {
        var range = _rules.DroppedUnder(run, span, operation);
        return new TlbRange(range.First, range.Bytes, _granuleLog2, ChangesTables: true) { FollowsMap = run.AddsAccess };
    }
}
