using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>Gathers what an operation stores, for one synchronisation at its end.</summary>
/// <remarks>
/// It remembers a few runs. An operation with more of them has the first ones dealt with while it goes on, without a wait: what is
/// promised at its end still holds, and no line is flushed twice.
/// </remarks>
internal struct GatherSink<THardware> : IFootprintSink
    where THardware : struct, IDomainHardware
{
    private readonly DomainSync<THardware> _sync;
    private readonly OwedWork<THardware>? _owed;
    private readonly GatherUse _use;
    private bool _hasSpilled;
    private int _count;
    private TableList _unlinked;
    private Interval _unlinkedSpan;
    private ulong _pages;

    // Most operations store one run; the list is taken when there is a second.
    private EntryRun _first;
    private EntryRun[]? _list;

    public GatherSink(DomainSync<THardware> sync, GatherUse use, OwedWork<THardware>? owed)
    {
        _sync = sync;
        _owed = owed;
        _use = use;
        _unlinkedSpan = Interval.Empty;
    }

    public static bool PageByPage => false;

    /// <summary>The IOVAs under tables that were unlinked.</summary>
    public readonly Interval UnlinkedSpan => _unlinkedSpan;

    public readonly void TableFilled(ulong tableAddress, uint bytes) => _sync.CleanTable(tableAddress, bytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void EntriesStored(in EntryRun run)
    {
        _sync.Counters?.AddEntries(run.Stored);
        if (run.Change == EntryChange.TableUnlinked)
        {
            _unlinkedSpan = _unlinkedSpan.Around(new Interval(run.Iova, run.LastIova));
        }

        if (_sync.NeedsOf(run) != Maintenance.None)
        {
            if (_count == 0)
            {
                _first = run;
                _count = 1;
                _pages = run.Pages(_sync.GranuleLog2);
            }
            else
            {
                Add(run);
            }
        }
    }

    public void TableUnlinked(ulong tableAddress) => _sync.Keep(ref _unlinked, tableAddress);

    /// <summary>Break-before-make: what was stored until now is synchronised, whatever the policy; tables are kept until the end.</summary>
    public void Synchronise()
    {
        var runs = Runs;
        _sync.Clean(runs);
        if (_sync.NeedInvalidation(runs))
        {
            _sync.Invalidate(runs, Interval.Empty);
        }

        _sync.MarkVisible(runs);
        Clear();
    }

    /// <summary>Brings the hardware into step with everything stored, and gives unlinked tables back.</summary>
    /// <param name="range">The range of the operation.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Finish(Interval range)
    {
        if (_list is not null)
        {
            FinishRuns(range);
        }
        else if (_count != 0)
        {
            _sync.Synchronise(_first, _use == GatherUse.SynchroniseRange ? range : Interval.Empty);
        }

        if (!_unlinked.IsEmpty)
        {
            _sync.Release(ref _unlinked);
        }
    }

    /// <summary>Writes what was stored back to memory, and leaves the rest to whoever takes the unlinked tables.</summary>
    public TableList CleanOnly()
    {
        _sync.Clean(Runs);
        Clear();
        return TakeUnlinked();
    }

    /// <summary>Adds what was stored to what is owed.</summary>
    public void Owe()
    {
        _owed!.Add(Runs);
        Clear();
        var unlinked = TakeUnlinked();
        _owed.Keep(ref unlinked);
    }

    [UnscopedRef]
    private readonly ReadOnlySpan<EntryRun> Runs =>
        _list is null ? new ReadOnlySpan<EntryRun>(in _first)[.._count] : _list.AsSpan(0, _count);

    private void FinishRuns(Interval range)
    {
        var runs = Runs;
        _sync.Clean(runs);
        bool mustInvalidate = _hasSpilled || _sync.NeedInvalidation(runs);
        if (mustInvalidate && _sync.IsWorthFlushingAll(_pages))
        {
            _sync.InvalidateAll();
        }
        else if (mustInvalidate)
        {
            _sync.Invalidate(runs, _use == GatherUse.SynchroniseRange ? range : Interval.Empty);
        }

        _sync.MarkVisible(runs);
        Clear();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Add(in EntryRun run)
    {
        _pages += run.Pages(_sync.GranuleLog2);
        if (_list is null)
        {
            if (_first.TryJoin(run, out var joined))
            {
                _first = joined;
                return;
            }

            _list = RunLists.Take();
            _list[0] = _first;
        }
        else
        {
            for (int i = _count - 1; i >= 0; i--)
            {
                if (_list[i].TryJoin(run, out var joined))
                {
                    _list[i] = joined;
                    return;
                }
            }

            if (_count == RunLists.Capacity)
            {
                Spill();
                _list = RunLists.Take();
            }
        }

        _list[_count++] = run;
    }

    private TableList TakeUnlinked()
    {
        var unlinked = _unlinked;
        _unlinked = default;
        return unlinked;
    }

    private void Clear()
    {
        _count = 0;
        if (_list is not null)
        {
            RunLists.Return(_list);
            _list = null;
        }
    }

    private void Spill()
    {
        var runs = Runs;
        switch (_use)
        {
            case GatherUse.Owe:
                _owed!.Add(runs);
                break;
            case GatherUse.CleanOnly:
                _sync.Clean(runs);
                break;
            default:
                _sync.Clean(runs);
                if (!_sync.NeedInvalidation(runs))
                {
                    _sync.MarkVisible(runs);
                }
                else
                {
                    // From the threshold on the end of the operation drops everything.
                    _hasSpilled = true;
                    if (!_sync.IsWorthFlushingAll(_pages))
                    {
                        _sync.BeginInvalidating(runs, hasLeafRange: _use == GatherUse.SynchroniseRange);
                    }
                }

                break;
        }

        Clear();
    }
}
