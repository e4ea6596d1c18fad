using System.Text.Json;
using IommuKit.Specs.Vtd;

namespace IommuKit.Traces.Audit;

/// <summary>What results call the kinds of descriptors of VT-d, and the blocks of pages that these name.</summary>
public static class VtdCommandKinds
{
    // 52 bits of page number are all there are: a mask beyond them means everything.
    private const int MostPagesLog2 = 52;

    // A name for each type and granularity, so that no descriptor makes its own.
    private static readonly string[] ByType =
        [.. Enumerable.Range(0, 64).Select(slot => NameOf((VtdInvalidationType)(slot >> 2), (VtdGranularity)(slot & 3)))];

    /// <summary>The names, by <see cref="SlotOf"/>: "iotlb_pages", "context_cache". Several slots can have one name.</summary>
    public static IReadOnlyList<string> Names => ByType;

    /// <summary>The place of a descriptor's kind in <see cref="Names"/>.</summary>
    public static int SlotOf(in VtdInvalidationDescriptor descriptor) =>
        ((descriptor.IsDefinedType ? (int)descriptor.Type : 0) << 2) | (int)descriptor.Granularity;

    /// <summary>How many pages of 4 KiB a descriptor names: 0 if it names none, 2^52 if all that there are.</summary>
    public static ulong PagesOf(in VtdInvalidationDescriptor descriptor)
    {
        switch (descriptor.Type)
        {
            case VtdInvalidationType.Iotlb or VtdInvalidationType.PasidIotlb:
                return descriptor.Granularity == VtdGranularity.Selective ? 1ul << Math.Min(descriptor.AddressMask, MostPagesLog2) : 0;
            case VtdInvalidationType.DeviceTlb or VtdInvalidationType.PasidDeviceTlb:
                var range = descriptor.DeviceTlb;
                return ((range.LastAddress - range.Address) / SmallPage.Bytes) + 1;
            default:
                return 0;
        }
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
