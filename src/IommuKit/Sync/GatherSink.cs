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
    private TableList _unlinked;
    private Interval _unlinkedSpan;
    private ulong _leaves;
    private int _count;
    private bool _hasSpilled;
    private EntryRunList _runs;

    public GatherSink(DomainSync<THardware> sync, GatherUse use, OwedWork<THardware>? owed = null)
    {
        _sync = sync;
        _owed = owed;
        _use = use;
        _unlinked = default;
        _unlinkedSpan = Interval.Empty;
        _leaves = 0;
        _count = 0;
        _hasSpilled = false;

        // Only the first _count runs are ever read.
        Unsafe.SkipInit(out _runs);
    }

    public static bool PageByPage => false;

    /// <summary>The IOVAs under tables that were unlinked.</summary>
    public readonly Interval UnlinkedSpan => _unlinkedSpan;

    public readonly void TableFilled(ulong tableAddress, uint bytes) => _sync.CleanTable(tableAddress, bytes);

    public void EntriesStored(in EntryRun run)
    {
        _sync.Counters?.AddEntries(run.Stored);
        if (run.Change == EntryChange.TableUnlinked)
        {
            _unlinkedSpan = _unlinkedSpan.Around(new Interval(run.Iova, run.LastIova));
        }

        if (_sync.NeedsOf(run) == Maintenance.None)
        {
            return;
        }

        _leaves += run.Leaves;
        for (int i = _count - 1; i >= 0; i--)
        {
            if (_runs[i].TryJoin(run, out var joined))
            {
                _runs[i] = joined;
                return;
            }
        }

        if (_count == EntryRunList.Capacity)
        {
            Spill();
        }

        _runs[_count++] = run;
    }

    public void TableUnlinked(ulong tableAddress) => _sync.Keep(ref _unlinked, tableAddress);

    /// <summary>Brings the hardware into step with everything stored, and gives unlinked tables back.</summary>
    /// <param name="range">The range of the operation.</param>
    public void Synchronise(Interval range)
    {
        if (_count != 0)
        {
            ReadOnlySpan<EntryRun> runs = ((ReadOnlySpan<EntryRun>)_runs)[.._count];
            _sync.Clean(runs);
            if (_sync.IsWorthFlushingAll(_leaves))
            {
                _sync.InvalidateAll();
            }
            else if (_hasSpilled || _sync.NeedInvalidation(runs))
            {
                _sync.Invalidate(runs, _use == GatherUse.SynchroniseRange ? range : Interval.Empty);
            }
        }

        _sync.Release(ref _unlinked);
    }

    /// <summary>Writes what was stored back to memory, and leaves the rest to whoever takes the unlinked tables.</summary>
    public TableList CleanOnly()
    {
        _sync.Clean(((ReadOnlySpan<EntryRun>)_runs)[.._count]);
        return TakeUnlinked();
    }

    /// <summary>Adds what was stored to what is owed.</summary>
    public void Owe()
    {
        _owed!.Add(((ReadOnlySpan<EntryRun>)_runs)[.._count]);
        var unlinked = TakeUnlinked();
        _owed.Keep(ref unlinked);
    }

    private TableList TakeUnlinked()
    {
        var unlinked = _unlinked;
        _unlinked = default;
        return unlinked;
    }

    private void Spill()
    {
        ReadOnlySpan<EntryRun> runs = _runs;
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
                if (!_sync.IsWorthFlushingAll(_leaves) && _sync.NeedInvalidation(runs))
                {
                    _sync.BeginInvalidating(runs, hasLeafRange: _use == GatherUse.SynchroniseRange);
                    _hasSpilled = true;
                }

                break;
        }

        _count = 0;
    }
}
