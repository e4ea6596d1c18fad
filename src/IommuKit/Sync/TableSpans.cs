using System.Buffers;
using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>
/// The IOVAs under pointers to tables that changed and are dropped from the TLB: dropping what is cached below such
/// a pointer drops the leaves under it too.
/// </summary>
internal readonly ref struct TableSpans
{
    private readonly Interval[]? _spans;
    private readonly int _count;

    /// <summary>Collects the spans.</summary>
    /// <param name="runs">What was stored.</param>
    /// <param name="rules">What of it needs the TLB: a new pointer does not where the walker never remembers what is not present.</param>
    /// <param name="operation">The range of the operation; empty if there are several.</param>
    public TableSpans(ReadOnlySpan<EntryRun> runs, in SyncRules rules, Interval operation)
    {
        foreach (ref readonly var run in runs)
        {
            if (run.ChangesTable && (rules.For(run) & Maintenance.Tlb) != 0)
            {
                _spans ??= ArrayPool<Interval>.Shared.Rent(runs.Length);
                _spans[_count++] = rules.DroppedUnder(run, run.Span, operation);
            }
        }

        if (_count > 1)
        {
            var spans = _spans.AsSpan(0, _count);
            spans.Sort(static (a, b) => a.First.CompareTo(b.First));
            _count = Merge(spans);
        }
    }

    /// <summary>Whether a whole run is in one of the spans.</summary>
    public bool Contains(in EntryRun run)
    {
        ulong iova = run.Iova;
        int low = 0;
        int high = _count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_spans![middle].Last < iova)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low < _count && _spans![low].First <= iova && run.LastIova <= _spans[low].Last;
    }

    public void Dispose()
    {
        if (_spans is not null)
        {
            ArrayPool<Interval>.Shared.Return(_spans);
        }
    }

    /// <summary>Makes one of sorted spans that overlap, a table and one below it. Returns how many are left.</summary>
    private static int Merge(Span<Interval> spans)
    {
        int last = 0;
        for (int i = 1; i < spans.Length; i++)
        {
            if (spans[i].First <= spans[last].Last)
            {
                spans[last] = spans[last].Around(spans[i]);
            }
            else
            {
                spans[++last] = spans[i];
            }
        }

        return last + 1;
    }
}
