namespace IommuKit.Traces.Audit;

/// <summary>Events of invalidations by kind, under the names that results have.</summary>
internal sealed class KindCounts
{
    private readonly long[] _descriptors = new long[InvalidationKinds.CommandNames.Count];
    private readonly long[] _tags = new long[InvalidationKinds.Tags.Count];

    /// <summary>Counts an event.</summary>
    public void Add(in TraceEvent traceEvent)
    {
        if (traceEvent.Kind == TraceEventKind.CacheTagFlush)
        {
            _tags[InvalidationKinds.TagSlotOf(traceEvent)]++;
        }
        else
        {
            _descriptors[InvalidationKinds.CommandSlotOf(traceEvent)]++;
        }
    }

    /// <summary>The kinds that occurred.</summary>
    public IReadOnlyDictionary<string, long> ByKind()
    {
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        Add(counts, InvalidationKinds.CommandNames, _descriptors);
        Add(counts, InvalidationKinds.Tags, _tags);
        return counts;
    }

    private static void Add(SortedDictionary<string, long> counts, IReadOnlyList<string> names, long[] bySlot)
    {
        for (int slot = 0; slot < bySlot.Length; slot++)
        {
            if (bySlot[slot] != 0)
            {
                counts[names[slot]] = counts.GetValueOrDefault(names[slot]) + bySlot[slot];
            }
        }
    }
}
