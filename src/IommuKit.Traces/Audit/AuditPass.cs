namespace IommuKit.Traces.Audit;

/// <summary>Follows what a trace maps, unmaps and invalidates, event by event. What it needs is bounded, whatever the trace holds.</summary>
internal sealed class AuditPass
{
    // Events between that of an unmap and the last invalidation of the same call.
    private const int MaxTail = 8;

    private readonly SummedSet _live = new();
    private readonly StaleSet _stale = new();
    private readonly Covering _covering;
    private readonly MapRuns _maps = new();
    private readonly InvalidationsAhead _ahead = new();
    private Invalidation _last;
    private InvalidationHit _lastHit = InvalidationHit.Nothing;
    private (ulong First, ulong Last, long Event) _lastAhead = (0, 0, long.MinValue / 2);
    private long _event;
    private long _lastTime = -1;
    private bool _isAfterMap;

    public AuditPass() => _covering = new Covering(_stale, Coverage, Domains);

    /// <summary>Maps, unmaps and other events of the trace, and what is known to be missing.</summary>
    public AuditCounts Counts { get; } = new();

    public KindCounts Kinds { get; } = new();

    public DomainsSeen Domains { get; } = new();

    public CoverageCounts Coverage { get; } = new();

    public ReuseDistances Reuse { get; } = new();

    public EarlyReuses Early { get; } = new();

    public ContextChanges Contexts { get; } = new();

    public VtdSigns Signs { get; } = new();

    public Bursts Bursts { get; } = new();

    public WastedInvalidations Waste { get; } = new();

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
                Contexts.Note(traceEvent);
                Signs.See(traceEvent);
                if (Invalidation.TryGet(traceEvent, out var invalidation))
                {
                    Invalidate(invalidation);
                }

                break;
            case TraceEventKind.Lost:
                Counts.Lost = Saturating.Add(Counts.Lost, traceEvent.Size);
                Break();
                break;
            case TraceEventKind.Damaged:
                Counts.Damaged++;
                Break();
                break;
            case TraceEventKind.VtdMapping:
                Counts.VtdMappings++;
                Counts.Others++;
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
        bool canFree = TableBlocks.CanBeFreed(first, last);
        _stale.Add(first, last, new StaleUnmap(unmap.Line, unmap.Nanoseconds, _event, Counts.Unmaps, unmap.Size)
        {
            CanFreeTable = canFree,
            LeavesTablesInUse = !canFree && TableBlocks.IsInUse(_live, first) && TableBlocks.IsInUse(_live, last),
        });

        // Only a call that goes from pages of one size to those of another invalidates before its event, and so it covers a whole block of the larger
        // size.
        while (canFree && _ahead.TryTake(first, last, out var invalidation))
        {
            _covering.Cover(invalidation, _event, Math.Max(first, invalidation.First), Math.Min(last, invalidation.Last), isContext: false, out _);
            _lastAhead = (first, last, _event);
        }
    }

    private void Invalidate(in Invalidation invalidation)
    {
        Domains.Add(invalidation);
        bool isRepeat = Counts.Translations != 0 && invalidation.Repeats(_last);
        bool isQueuedForTag = isRepeat && _last.IsCacheTag && !invalidation.IsCacheTag;
        _last = invalidation;
        Counts.Translations++;
        if (invalidation.IsAfterMap)
        {
            _lastHit = InvalidationHit.Nothing;
            Waste.AddMapTime(invalidation);
            return;
        }

        Early.Invalidated(invalidation);
        bool isPages = invalidation.Scope == InvalidationScope.Pages;
        bool isContext = Contexts.Take() && !isPages;
        _covering.Cover(invalidation, _event, invalidation.First, invalidation.Last, isContext, out var hit);
        var tagHit = _lastHit;
        _lastHit = hit;
        if (hit.Bytes != 0)
        {
            if (isPages && hit.Completed != 0)
            {
                Bursts.Invalidated(invalidation.Line, hit.Latest);
            }

            if (!isContext)
            {
                Waste.AddWidth(invalidation, hit, _live);
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
            _lastHit = tagHit;
            if (isQueuedForTag)
            {
                // The flush of the tag has dropped the same pages; only the descriptor has the hint.
                Waste.AddHint(invalidation, tagHit);
                _lastHit = InvalidationHit.Nothing;
            }
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

    /// <summary>Events are missing: what was stale may have been invalidated, and what is reused may have been.</summary>
    private void Break()
    {
        _stale.GiveUp();
        _ahead.Forget();
        _maps.Clear();
        Reuse.Forget();
        Bursts.End();
        Contexts.Forget();
        _isAfterMap = false;
        _last = default;
        _lastHit = InvalidationHit.Nothing;
    }
}
