using IommuKit.Lab.Traces;
using IommuKit.Specs.Vtd;

namespace IommuKit.Lab.Audit;

/// <summary>Follows what a trace maps, unmaps and invalidates, event by event. What it needs is bounded, whatever the trace holds.</summary>
internal sealed class AuditPass
{
    private const int TableShift = 21;
    private const ulong TableMask = (1ul << TableShift) - 1;

    // Events between that of an unmap and the last invalidation of the same call.
    private const int MaxTail = 8;

    private readonly SummedSet _live = new();
    private readonly StaleSet _stale = new();
    private readonly MapRuns _maps = new();
    private readonly InvalidationsAhead _ahead = new();
    private Invalidation _last;
    private (ushort Unit, ushort DomainId, bool IsOpen) _context;
    private (ulong First, ulong Last, long Event) _lastAhead = (0, 0, long.MinValue / 2);
    private long _event;
    private long _lastTime = -1;
    private bool _isAfterMap;

    /// <summary>Maps, unmaps and other events of the trace, and what is known to be missing.</summary>
    public AuditCounts Counts { get; } = new();

    public KindCounts Kinds { get; } = new();

    public DomainsSeen Domains { get; } = new();

    public CoverageCounts Coverage { get; } = new();

    public ReuseDistances Reuse { get; } = new();

    public EarlyReuses Early { get; } = new();

    public Bursts Bursts { get; } = new();

    public WasteCounts Waste { get; } = new();

    /// <summary>Separate ranges that are mapped: what memory depends on.</summary>
    public int LivePieces => _live.Pieces;

    /// <summary>Follows an event.</summary>
    public void Do(in TraceEvent traceEvent)
    {
        _event++;
        if (traceEvent.Nanoseconds >= 0)
        {
            Counts.HasTimes = true;
            Counts.TimesBackwards += traceEvent.Nanoseconds < _lastTime ? 1 : 0;
            Counts.Ties += traceEvent.Nanoseconds == _lastTime ? 1 : 0;
            _lastTime = traceEvent.Nanoseconds;
            Early.At(_lastTime);
        }

        _ahead.Age(_event);
        switch (traceEvent.Kind)
        {
            case TraceEventKind.Map:
                Map(traceEvent);
                break;
            case TraceEventKind.Unmap:
                Unmap(traceEvent);
                break;
            case TraceEventKind.QueueSubmit or TraceEventKind.CacheTagFlush:
                Kinds.Add(traceEvent);
                Counts.Others++;
                NoteContext(traceEvent);
                if (Invalidation.TryGet(traceEvent, out var invalidation))
                {
                    Invalidate(invalidation);
                }

                break;
            case TraceEventKind.Lost:
                Counts.Lost += (long)Math.Min(traceEvent.Size, long.MaxValue / 2);
                Break();
                break;
            case TraceEventKind.Damaged:
                Counts.Damaged++;
                Break();
                break;
            case TraceEventKind.Unknown:
                Counts.Unknown++;
                break;
            default:
                Counts.Others++;
                break;
        }
    }

    /// <summary>Ends the trace.</summary>
    public void Finish()
    {
        _ahead.Finish();
        Early.Finish();
        Bursts.End();
        Waste.AddNeedless(_ahead.Needless);
        while (_stale.TryTake(0, ulong.MaxValue, out var taken, out var unmap))
        {
            Coverage.AddUncovered(unmap, taken.Length);
        }

        Coverage.GivenUp = _stale.GivenUp;
        Coverage.Superseded = _stale.Superseded;
    }

    /// <summary>
    /// Whether an unmap can have freed a page table. Linux's VT-d driver frees a table when one unmap covers all that the table translates, mapped or not; for the lowest tables
    /// that is 2 MiB. An unmap that covers no such block has freed none.
    /// </summary>
    private static bool CanFreeTable(ulong first, ulong last) =>
        first <= ulong.MaxValue - TableMask && last - first >= TableMask && ((first + TableMask) & ~TableMask) <= last - TableMask;

    private void Map(in TraceEvent map)
    {
        Counts.Maps++;
        Bursts.End();
        _isAfterMap = true;
        ulong first = map.Iova;
        ulong last = map.LastIova;
        if (_stale.BytesIn(first, last) is not 0 and ulong stale)
        {
            Early.Add(first, last, map.Nanoseconds, map.Line, stale / SmallPage.Bytes);
        }

        if (_live.Add(first, last) != 0)
        {
            Counts.NoteMapOverLive(map.Line);
        }

        _maps.Add(first, last);
        _ahead.Mapped(first, last);
        Reuse.Mapped(first, Counts.Maps + Counts.Unmaps);
    }

    private void Unmap(in TraceEvent unmap)
    {
        Counts.Unmaps++;
        Bursts.Unmapped(unmap.Nanoseconds, Counts.Unmaps);
        _isAfterMap = false;
        if (unmap.Size == 0)
        {
            Coverage.OfNothing++;
            return;
        }

        ulong first = unmap.Iova;
        ulong last = unmap.LastIova;
        Counts.Orphans += _live.Remove(first, last) == 0 ? 1 : 0;
        Reuse.Unmapped(first, Counts.Maps + Counts.Unmaps);
        bool canFree = CanFreeTable(first, last);
        _stale.Add(first, last, new StaleUnmap(unmap.Line, unmap.Nanoseconds, _event, Counts.Unmaps, unmap.Size)
        {
            CanFreeTable = canFree,
            LeavesTablesInUse = IsTableInUse(first) && IsTableInUse(last),
        });

        // Only a call that goes from pages of one size to those of another invalidates before its event, and so it covers a whole block of the larger size.
        while (canFree && _ahead.TryTake(first, last, out var invalidation))
        {
            Cover(invalidation, Math.Max(first, invalidation.First), Math.Min(last, invalidation.Last), isContext: false, out _);
            _lastAhead = (first, last, _event);
        }
    }

    private bool IsTableInUse(ulong iova) => _live.BytesIn(iova & ~TableMask, iova | TableMask) != 0;

    private void Invalidate(in Invalidation invalidation)
    {
        Domains.Add(invalidation);
        bool isRepeat = Counts.Translations != 0 && invalidation.Repeats(_last);
        _last = invalidation;
        Counts.Translations++;
        if (invalidation.IsAfterMap)
        {
            Waste.AddMapTime(invalidation);
            return;
        }

        Early.Invalidated(invalidation);
        bool isPages = invalidation.Scope == InvalidationScope.Pages;
        bool isContext = !isPages && _context.IsOpen;
        _context.IsOpen = false;
        Cover(invalidation, invalidation.First, invalidation.Last, isContext, out var hit);
        if (hit.Bytes != 0)
        {
            if (isPages && hit.Completed != 0)
            {
                Bursts.Invalidated(invalidation.Line, hit.Latest);
            }

            if (!isContext)
            {
                Waste.AddWidth(invalidation, hit, _live.BytesIn(invalidation.First, invalidation.Last) / SmallPage.Bytes);
            }

            Waste.AddHint(invalidation, hit);
        }
        else if (isContext)
        {
            Counts.ContextChanges++;
        }
        else if (isRepeat)
        {
            Counts.Repeats++;
        }
        else if (isPages && _event - _lastAhead.Event <= MaxTail && invalidation.First <= _lastAhead.Last && invalidation.Last >= _lastAhead.First)
        {
            // The rest of an unmap that was invalidated on the way: one that was rounded up seemed to cover it before its entries were cleared.
            Counts.Tails++;
        }
        else if (isPages ? _maps.TryTake(invalidation.First, invalidation.Last) : _isAfterMap)
        {
            Waste.AddMapTime(invalidation);
        }
        else
        {
            _ahead.Add(invalidation, _event);
        }
    }

    /// <summary>Takes what an invalidation drops out of what is stale.</summary>
    /// <param name="invalidation">The invalidation.</param>
    /// <param name="first">The first IOVA of what it is to take.</param>
    /// <param name="last">The last one.</param>
    /// <param name="isContext">Whether it is there because a device came or went.</param>
    /// <param name="hit">What it took.</param>
    private void Cover(in Invalidation invalidation, ulong first, ulong last, bool isContext, out InvalidationHit hit)
    {
        hit = InvalidationHit.Nothing;
        ulong stale = _stale.Bytes;

        // Of several domains one is invalidated here, and nobody says which unmaps are its own.
        bool isUnclear = invalidation.Scope == InvalidationScope.Domain && Domains.Domains > 1;
        while (_stale.TryTake(first, last, out var taken, out var unmap))
        {
            hit = hit.With(taken, unmap);
            if (unmap.Remaining != 0)
            {
                continue;
            }

            if (isContext)
            {
                Coverage.AtContextChange++;
            }
            else
            {
                Coverage.AddCovered(invalidation, unmap, _event - unmap.Event, isUnclear);
            }
        }

        if (hit.Bytes != 0 && !isContext)
        {
            Coverage.AddShared(hit.Completed);
            Coverage.Stale.Add((long)(stale / SmallPage.Bytes));
        }
    }

    /// <summary>
    /// When a device's context entry changes, its domain is flushed in any case. In caching mode Linux invalidates the context of domain 0 first, which tags what the hardware
    /// caches of entries that are not present (VT-d specification, section 6.1); nothing else has a reason to.
    /// </summary>
    private void NoteContext(in TraceEvent traceEvent)
    {
        if (traceEvent.Kind != TraceEventKind.QueueSubmit)
        {
            return;
        }

        var descriptor = traceEvent.Descriptor;
        if (descriptor.Type == VtdInvalidationType.ContextCache)
        {
            _context = (traceEvent.Unit, descriptor.DomainId, true);
            Counts.HasContextOfDomainZero |= descriptor.DomainId == 0 && descriptor.Granularity != VtdGranularity.Global;
        }
        else
        {
            _context.IsOpen &= descriptor.Type is VtdInvalidationType.Iotlb or VtdInvalidationType.PasidIotlb or VtdInvalidationType.PasidCache
                && _context.Unit == traceEvent.Unit
                && (_context.DomainId == 0 || descriptor.Granularity == VtdGranularity.Global || _context.DomainId == descriptor.DomainId);
        }
    }

    /// <summary>Events are missing: what was stale may have been invalidated, and what is reused may have been.</summary>
    private void Break()
    {
        _stale.GiveUp();
        _ahead.Forget();
        _maps.Clear();
        Reuse.Forget();
        Bursts.End();
    }
}
