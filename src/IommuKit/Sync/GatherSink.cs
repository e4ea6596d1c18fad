using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>Gathers what an operation stores, for one synchronisation at its end.</summary>
/// <remarks>
/// It remembers a few runs. An operation with more of them has the first ones dealt with while it goes on, without a wait: what is
/// promised at its end still holds, and no line is flushed twice.
/// </remarks>
internal struct GatherSink<THardware, TBatch> : IFootprintSink
    where THardware : struct, IDomainHardware<TBatch>
    where TBatch : struct
{
    private readonly DomainSync<THardware, TBatch> _sync;
    private readonly RetiredTables _retired;
    private readonly OwedWork<THardware, TBatch>? _owed;
    private readonly GatherUse _use;
    private FlushBatch<TBatch> _batch;
    private bool _hasSpilled;
    private int _count;
    private TableList _unlinked;
    private Interval _unlinkedSpan;
    private ulong _pages;

    // Most operations store one run; the list is taken when there is a second.
    private EntryRun _first;
    private EntryRun[]? _list;

    public GatherSink(DomainSync<THardware, TBatch> sync, RetiredTables retired, GatherUse use, OwedWork<THardware, TBatch>? owed)
    {
        _sync = sync;
        _retired = retired;
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
                _pages = _sync.PagesOf(run);
            }
            else
            {
                Add(run);
            }
        }
    }

    public void TableUnlinked(ulong tableAddress) => _retired.Push(ref _unlinked, tableAddress);

    /// <summary>Break-before-make: what was stored until now is synchronised, whatever the policy; tables are kept until the end.</summary>
    public void Synchronise()
    {
        _sync.Synchronise(Runs, pages: 0);
        Clear();
    }

    /// <summary>Brings everything stored on its way to the hardware. <see cref="Complete"/> has to follow.</summary>
    /// <param name="range">The range of the operation.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Submit(Interval range)
    {
        if (_count != 0)
        {
            SubmitRuns(range);
        }
    }

    /// <summary>Waits until the hardware is in step with everything stored, and gives unlinked tables back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Complete()
    {
        if (_count != 0)
        {
            _sync.Complete(ref _batch);
            _sync.MarkVisible(Runs);
            Clear();
        }

        if (!_unlinked.IsEmpty)
        {
            _retired.Release(ref _unlinked);
        }
    }

    /// <summary>Writes what was stored back to memory, and leaves the rest to the one who takes the unlinked tables.</summary>
    public void CleanOnly()
    {
        _sync.Clean(Runs);
        Clear();
    }

    /// <summary>Whether a table was unlinked.</summary>
    public readonly bool HasUnlinked => !_unlinked.IsEmpty;

    /// <summary>Takes the tables that were unlinked.</summary>
    public TableList TakeUnlinked()
    {
        var unlinked = _unlinked;
        _unlinked = default;
        return unlinked;
    }

    /// <summary>Adds what was stored to what is owed.</summary>
    public void Owe()
    {
        if (_count != 0 || !_unlinked.IsEmpty)
        {
            _owed!.Add(Runs, ref _unlinked);
            Clear();
        }
    }

    [UnscopedRef]
    private readonly ReadOnlySpan<EntryRun> Runs =>
        _list is null ? new ReadOnlySpan<EntryRun>(in _first)[.._count] : _list.AsSpan(0, _count);

    private void SubmitRuns(Interval range)
    {
        bool dropsLeavesByRange = _use == GatherUse.SynchroniseRange;
        if (_list is null && !_hasSpilled)
        {
            _sync.Submit(_first, range, dropsLeavesByRange, _pages, ref _batch);
            return;
        }

        if (!_hasSpilled)
        {
            _sync.Submit(Runs, range, dropsLeavesByRange, _pages, ref _batch);
            return;
        }

        // The first runs needed an invalidation, so the range of all leaves has to be dropped, or everything, whatever the last runs need.
        _sync.Clean(Runs);
        if (_sync.IsWorthFlushingAll(_pages))
        {
            _sync.SubmitAll(ref _batch, isFenced: (_sync.NeedsOf(Runs) & Maintenance.Clean) != 0);
        }
        else
        {
            _sync.SubmitPart(Runs, range, dropsLeavesByRange, ref _batch);
        }
    }

    // By value, so that the run of the one who calls has no address, and may stay in registers.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Add(EntryRun run)
    {
        _pages += _sync.PagesOf(run);
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
                TableList none = default;
                _owed!.Add(runs, ref none);
                break;
            case GatherUse.CleanOnly:
                _sync.Clean(runs);
                break;
            default:
                _sync.Clean(runs);
                if ((_sync.NeedsOf(runs) & ~Maintenance.Clean) == Maintenance.None)
                {
                    _sync.MarkVisible(runs);
                }
                else
                {
                    // From the threshold on the end of the operation drops everything.
                    _hasSpilled = true;
                    if (!_sync.IsWorthFlushingAll(_pages))
                    {
                        _sync.SubmitPart(runs, Interval.Empty, _use == GatherUse.SynchroniseRange, ref _batch);
                    }
                }

                break;
        }

        Clear();
    }
}
