using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>What some of the threads owe, in the order in which it was stored; see <see cref="OwedWork{THardware, TBatch}"/>.</summary>
/// <param name="capacity">How many runs it remembers.</param>
internal sealed class OwedRuns(int capacity) : Stripe
{
    // How far back a run looks for one to join.
    private const int JoinDepth = 16;

    private EntryRun[]? _runs;

    // Around everything whose access was removed, also by runs that were forgotten.
    private Interval _removed = Interval.Empty;

    /// <summary>Tables that the runs unlinked.</summary>
    public TableList Unlinked;

    /// <summary>Runs that are remembered.</summary>
    public int Count { get; private set; }

    /// <summary>Whether there were others.</summary>
    public bool HasForgotten { get; private set; }

    /// <summary>The runs.</summary>
    public ReadOnlySpan<EntryRun> Runs => _runs.AsSpan(0, Count);

    /// <summary>Adds a run. False, and nothing done, if there is no room for it.</summary>
    public bool TryAdd(in EntryRun run)
    {
        var runs = _runs ??= new EntryRun[capacity];
        for (int i = Count - 1; i >= Math.Max(0, Count - JoinDepth); i--)
        {
            if (runs[i].TryJoin(run, out var joined))
            {
                runs[i] = joined;
                _removed = WithRemoved(_removed, run);
                return true;
            }
        }

        if (Count == runs.Length)
        {
            return false;
        }

        runs[Count++] = run;
        _removed = WithRemoved(_removed, run);
        return true;
    }

    /// <summary>Forgets all runs: only dropping everything makes up for them, once they are in memory.</summary>
    public void Forget()
    {
        Count = 0;
        HasForgotten = true;
    }

    /// <summary>Whether part of a range lost its mapping, as far as is known.</summary>
    public bool IsRemoved(Interval range)
    {
        if (!_removed.Overlaps(range) || HasForgotten)
        {
            return _removed.Overlaps(range);
        }

        foreach (ref readonly var run in Runs)
        {
            if (run.RemovesAccess && SpanOf(run).Overlaps(range))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Moves all runs to the end of a list.</summary>
    public void TakeAll(List<EntryRun> taken)
    {
        taken.AddRange(Runs);
        Count = 0;
        HasForgotten = false;
        _removed = Interval.Empty;
    }

    /// <summary>Moves the runs of a range to the end of a list; both keep their order.</summary>
    public void TakeOf(Interval range, List<EntryRun> taken)
    {
        int kept = 0;
        _removed = Interval.Empty;
        for (int i = 0; i < Count; i++)
        {
            ref var run = ref _runs![i];
            if (SpanOf(run).Overlaps(range))
            {
                taken.Add(run);
            }
            else
            {
                _removed = WithRemoved(_removed, run);
                _runs[kept++] = run;
            }
        }

        Count = kept;
    }

    /// <summary>What a run translates.</summary>
    public static Interval SpanOf(in EntryRun run) => new(run.Iova, run.LastIova);

    private static Interval WithRemoved(Interval removed, in EntryRun run) => run.RemovesAccess ? removed.Around(SpanOf(run)) : removed;
}
