using System.Runtime.CompilerServices;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Sync;

namespace IommuKit.Domains;

/// <content>What the policies do with a map and an unmap: when it is flushed, and under which lock.</content>
public sealed partial class PagingDomain<TFormat, THardware, TBatch>
{
    // What is rare is in methods of its own: a sink on the stack is cleared at each call of the method it is in, used or not.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private IommuError MapPageByPage(ulong iova, ulong physicalAddress, ulong size, Protection protection)
    {
        var range = new PhysicalRange(physicalAddress, size);
        return MapPageByPage(iova, new ReadOnlySpan<PhysicalRange>(in range), protection, out _);
    }

    private IommuError MapPageByPage(ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection, out ulong size)
    {
        var sink = new PerPageSink<THardware, TBatch>(_sync, _retired);
        if (_tally is not null)
        {
            var tallied = new TalliedPageSink<THardware, TBatch>(sink, _counters, _tally);
            return MapLocked(iova, ranges, protection, ref tallied, out size);
        }

        return MapLocked(iova, ranges, protection, ref sink, out size);
    }

    private IommuError MapLocked<TSink>(ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection, ref TSink sink, out ulong size)
        where TSink : struct, IFootprintSink
    {
        Lock(_operationLock);
        try
        {
            return _table.MapScatterGather(iova, ranges, protection, ref sink, out size);
        }
        finally
        {
            Unlock(_operationLock);
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private IommuError MapGathered(ulong iova, ulong physicalAddress, ulong size, Protection protection)
    {
        if (_operationLock is not null)
        {
            return MapLocked(iova, physicalAddress, size, protection);
        }

        FlushBeforeReuse(iova, size);
        var sink = new GatherSink<THardware, TBatch>(_sync, _retired, _mapUse, _owed);
        var error = _table.Map(iova, physicalAddress, size, protection, ref sink);
        if (error == IommuError.None)
        {
            Submit(ref sink, Interval.At(iova, size));
            sink.Complete();
        }

        return error;
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private IommuError MapLocked(ulong iova, ulong physicalAddress, ulong size, Protection protection)
    {
        var sink = new GatherSink<THardware, TBatch>(_sync, _retired, _mapUse, _owed);
        IommuError error;
        lock (_operationLock!)
        {
            FlushBeforeReuse(iova, size);
            error = _table.Map(iova, physicalAddress, size, protection, ref sink);
            SubmitLocked(ref sink, Interval.At(iova, size), error, _mapsCompleteLocked);
        }

        sink.Complete();
        return error;
    }

    [SkipLocalsInit]
    private IommuError MapGathered(ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection, out ulong size)
    {
        var sink = new GatherSink<THardware, TBatch>(_sync, _retired, _mapUse, _owed);
        IommuError error;
        Lock(_operationLock);
        try
        {
            if (_deferred is not null || _owed is not null)
            {
                FlushBeforeReuse(iova, TotalOf(ranges));
            }

            error = _table.MapScatterGather(iova, ranges, protection, ref sink, out size);
            SubmitLocked(ref sink, Interval.At(iova, size), error, _mapsCompleteLocked);
        }
        finally
        {
            Unlock(_operationLock);
        }

        sink.Complete();
        return error;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private IommuError UnmapPageByPage(ulong iova, ulong size, out ulong unmapped)
    {
        var sink = new PerPageSink<THardware, TBatch>(_sync, _retired);
        if (_tally is not null)
        {
            var tallied = new TalliedPageSink<THardware, TBatch>(sink, _counters, _tally);
            return UnmapLocked(iova, size, ref tallied, out unmapped);
        }

        return UnmapLocked(iova, size, ref sink, out unmapped);
    }

    private IommuError UnmapLocked<TSink>(ulong iova, ulong size, ref TSink sink, out ulong unmapped)
        where TSink : struct, IFootprintSink
    {
        Lock(_operationLock);
        try
        {
            return _table.TryUnmap(iova, size, ref sink, out unmapped);
        }
        finally
        {
            Unlock(_operationLock);
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private IommuError UnmapGathered(ulong iova, ulong size, ulong tag, out ulong unmapped)
    {
        if (_operationLock is not null)
        {
            return UnmapLocked(iova, size, tag, out unmapped);
        }

        var sink = new GatherSink<THardware, TBatch>(_sync, _retired, _unmapUse, _owed);
        var error = _table.TryUnmap(iova, size, ref sink, out unmapped);
        if (unmapped != 0)
        {
            SubmitUnmap(ref sink, iova, size, unmapped, tag);
            sink.Complete();
        }

        return error;
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private IommuError UnmapLocked(ulong iova, ulong size, ulong tag, out ulong unmapped)
    {
        var sink = new GatherSink<THardware, TBatch>(_sync, _retired, _unmapUse, _owed);
        IommuError error;
        lock (_operationLock!)
        {
            error = _table.TryUnmap(iova, size, ref sink, out unmapped);
            if (unmapped != 0)
            {
                SubmitUnmap(ref sink, iova, size, unmapped, tag);
                if (_splitsPages || sink.HasUnlinked)
                {
                    sink.Complete();
                }
            }
        }

        sink.Complete();
        return error;
    }

    /// <summary>Starts what an unmap needs, or puts off what its policy leaves for later: then there is nothing to complete.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SubmitUnmap(ref GatherSink<THardware, TBatch> sink, ulong iova, ulong size, ulong unmapped, ulong tag)
    {
        if (_deferred is not null)
        {
            sink.CleanOnly();
            _counters?.AddPutOff(unmapped);
            _deferred.Add(Unmapped(iova, unmapped), sink.UnlinkedSpan, sink.TakeUnlinked(), tag);
            return;
        }

        Submit(ref sink, Unmapped(iova, Math.Max(size, unmapped)));
        if (_owed is not null)
        {
            _counters?.AddPutOff(unmapped);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Submit(ref GatherSink<THardware, TBatch> sink, Interval range)
    {
        if (_owed is not null)
        {
            sink.Owe();
        }
        else
        {
            sink.Submit(range);
        }
    }

    private void SubmitLocked(ref GatherSink<THardware, TBatch> sink, Interval range, IommuError error, bool completes)
    {
        if (error == IommuError.None)
        {
            Submit(ref sink, range);
            if (completes)
            {
                sink.Complete();
            }
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
            _deferred?.FlushIfPending(wanted);
            _owed?.FlushIfRemoved(wanted);
            _sync.Failures.ThrowIfPending();
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

    private static void Lock(Lock? gate) => gate?.Enter();

    private static void Unlock(Lock? gate) => gate?.Exit();
}
