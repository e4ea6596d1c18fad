namespace IommuKit.Traces.Audit;

/// <summary>What results call the kinds of events of invalidations.</summary>
public static class InvalidationKinds
{
    // A name for each flush of a tag, so that no event makes its own.
    private static readonly string[] TagNames = [.. Enumerable.Range(0, 8).Select(slot => NameOf((CacheTagFlush)(slot >> 1), isAll: (slot & 1) != 0))];

    /// <summary>The kind of an event of a flush: "iotlb_pages", "context_cache", "cache_tag_range".</summary>
    /// <param name="traceEvent">A <see cref="TraceEventKind.QueueSubmit"/> or a <see cref="TraceEventKind.CacheTagFlush"/>.</param>
    public static string NameOf(in TraceEvent traceEvent) =>
        traceEvent.Kind == TraceEventKind.CacheTagFlush
            ? TagNames[TagSlotOf(traceEvent)]
            : CommandNames[CommandSlotOf(traceEvent)];

    /// <summary>The names of the kinds of commands that traces have, by <see cref="CommandSlotOf"/>. Several slots can have one name.</summary>
    public static IReadOnlyList<string> CommandNames => VtdCommandKinds.Names;

    /// <summary>The place of a command's kind in <see cref="CommandNames"/>.</summary>
    /// <param name="traceEvent">A <see cref="TraceEventKind.QueueSubmit"/>.</param>
    public static int CommandSlotOf(in TraceEvent traceEvent) => VtdCommandKinds.SlotOf(traceEvent.Descriptor);

    /// <summary>How many pages of 4 KiB a command names; 0 if it names none.</summary>
    /// <param name="traceEvent">A <see cref="TraceEventKind.QueueSubmit"/>.</param>
    public static ulong CommandPagesOf(in TraceEvent traceEvent) => VtdCommandKinds.PagesOf(traceEvent.Descriptor);

    /// <summary>The names of the kinds of flushes of tags, by <see cref="TagSlotOf"/>.</summary>
    internal static IReadOnlyList<string> Tags => TagNames;

    internal static int TagSlotOf(in TraceEvent traceEvent) => ((int)traceEvent.Flush << 1) | (traceEvent.Size == 0 ? 1 : 0);

    private static string NameOf(CacheTagFlush flush, bool isAll)
    {
        string name = isAll ? "cache_tag_all" : (flush & CacheTagFlush.AfterMap) != 0 ? "cache_tag_range_np" : "cache_tag_range";
        return (flush & CacheTagFlush.DeviceTlb) != 0 ? $"{name}_device_tlb" : name;
    }
}
