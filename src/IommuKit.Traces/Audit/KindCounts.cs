using System.Text.Json;
using IommuKit.Specs.Vtd;

namespace IommuKit.Traces.Audit;

/// <summary>Events of invalidations by kind, under the names that results have.</summary>
internal sealed class KindCounts
{
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);

    // One slot for each type and granularity, and for each flush of a tag, so that no event needs its name.
    private readonly long[] _descriptors = new long[64];
    private readonly long[] _tags = new long[8];

    /// <summary>Counts an event.</summary>
    public void Add(in TraceEvent traceEvent)
    {
        if (traceEvent.Kind == TraceEventKind.CacheTagFlush)
        {
            _tags[((int)traceEvent.Flush << 1) | (traceEvent.Size == 0 ? 1 : 0)]++;
        }
        else
        {
            var descriptor = traceEvent.Descriptor;
            _descriptors[((descriptor.IsDefinedType ? (int)descriptor.Type : 0) << 2) | (int)descriptor.Granularity]++;
        }
    }

    /// <summary>The kinds that occurred.</summary>
    public IReadOnlyDictionary<string, long> ByKind()
    {
        _counts.Clear();
        for (int slot = 0; slot < _descriptors.Length; slot++)
        {
            Add(NameOf((VtdInvalidationType)(slot >> 2), (VtdGranularity)(slot & 3)), _descriptors[slot]);
        }

        for (int slot = 0; slot < _tags.Length; slot++)
        {
            var flush = (CacheTagFlush)(slot >> 1);
            string name = (slot & 1) != 0 ? "cache_tag_all" : (flush & CacheTagFlush.AfterMap) != 0 ? "cache_tag_range_np" : "cache_tag_range";
            Add((flush & CacheTagFlush.DeviceTlb) != 0 ? $"{name}_device_tlb" : name, _tags[slot]);
        }

        return _counts;
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

    private void Add(string name, long count)
    {
        if (count != 0)
        {
            _counts[name] = _counts.GetValueOrDefault(name) + count;
        }
    }
}
