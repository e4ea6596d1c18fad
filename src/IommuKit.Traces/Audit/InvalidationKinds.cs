using System.Text.Json;
using IommuKit.Specs.Vtd;

namespace IommuKit.Traces.Audit;

/// <summary>What results call the kinds of events of invalidations.</summary>
public static class InvalidationKinds
{
    // A name for each type and granularity, and for each flush of a tag, so that no event makes its own.
    private static readonly string[] DescriptorNames =
        [.. Enumerable.Range(0, 64).Select(slot => NameOf((VtdInvalidationType)(slot >> 2), (VtdGranularity)(slot & 3)))];

    private static readonly string[] TagNames = [.. Enumerable.Range(0, 8).Select(slot => NameOf((CacheTagFlush)(slot >> 1), isAll: (slot & 1) != 0))];

    /// <summary>The kind of an event of a flush: "iotlb_pages", "context_cache", "cache_tag_range".</summary>
    /// <param name="traceEvent">A <see cref="TraceEventKind.QueueSubmit"/> or a <see cref="TraceEventKind.CacheTagFlush"/>.</param>
    public static string NameOf(in TraceEvent traceEvent) =>
        traceEvent.Kind == TraceEventKind.CacheTagFlush ? TagNames[TagSlotOf(traceEvent)] : DescriptorNames[DescriptorSlotOf(traceEvent)];

    /// <summary>The names of the kinds of descriptors, by <see cref="DescriptorSlotOf"/>.</summary>
    internal static ReadOnlySpan<string> Descriptors => DescriptorNames;

    /// <summary>The names of the kinds of flushes of tags, by <see cref="TagSlotOf"/>.</summary>
    internal static ReadOnlySpan<string> Tags => TagNames;

    internal static int DescriptorSlotOf(in TraceEvent traceEvent)
    {
        var descriptor = traceEvent.Descriptor;
        return ((descriptor.IsDefinedType ? (int)descriptor.Type : 0) << 2) | (int)descriptor.Granularity;
    }

    internal static int TagSlotOf(in TraceEvent traceEvent) => ((int)traceEvent.Flush << 1) | (traceEvent.Size == 0 ? 1 : 0);

    private static string NameOf(CacheTagFlush flush, bool isAll)
    {
        string name = isAll ? "cache_tag_all" : (flush & CacheTagFlush.AfterMap) != 0 ? "cache_tag_range_np" : "cache_tag_range";
        return (flush & CacheTagFlush.DeviceTlb) != 0 ? $"{name}_device_tlb" : name;
    }

    private static string NameOf(VtdInvalidationType type, VtdGranularity granularity)
    {
        string name = Enum.IsDefined(type) ? JsonNamingPolicy.SnakeCaseLower.ConvertName(type.ToString()) : "undefined";
        return type switch
        {
            VtdInvalidationType.Iotlb or VtdInvalidationType.PasidIotlb => granularity switch
            {
                VtdGranularity.Global when type == VtdInvalidationType.Iotlb => $"{name}_global",
                VtdGranularity.Domain => $"{name}_domain",
                VtdGranularity.Selective => $"{name}_pages",
                _ => $"{name}_reserved",
            },
            _ => name,
        };
    }
}
