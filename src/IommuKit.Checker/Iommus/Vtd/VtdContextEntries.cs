using IommuKit.Checker.Shadow;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>Root and context entries of legacy mode.</summary>
/// <param name="memory">The memory that they are in.</param>
/// <param name="root">The root table.</param>
internal sealed class VtdContextEntries(VtdMemory memory, ulong root) : IVtdEntries
{
    public int Most => 2;

    public void Find(VtdSource source, Span<TrackedRange> ranges)
    {
        ranges.Fill(RootOf(source));
        if (PlaceOf(source) is { } place)
        {
            ranges[1] = new TrackedRange(place, VtdContextEntry.Bytes);
        }
    }

    public VtdRoute? RouteOf(VtdSource source) => EntryOf(source) is { IsPresent: true } entry
        ? new VtdRoute(entry.DomainId, entry.SecondStage, IsFirstStage: false)
        : null;

    public ulong? RootWordOf(VtdSource source) => PlaceOf(source);

    // The domain's id.
    public ulong? LateWordOf(VtdSource source) => PlaceOf(source) is { } place ? place + sizeof(ulong) : null;

    private ulong? PlaceOf(VtdSource source) => memory.Read(RootOf(source).Address) is var table && (table & VtdRootEntry.Present) != 0
        ? (table & VtdRootEntry.AddressMask) + ((ulong)(source.SourceId & 0xff) * VtdContextEntry.Bytes)
        : null;

    private TrackedRange RootOf(VtdSource source) => new(root + ((ulong)(source.SourceId >> 8) * VtdRootEntry.Bytes), VtdRootEntry.Bytes);

    private VtdContextEntry EntryOf(VtdSource source) =>
        PlaceOf(source) is { } place ? new VtdContextEntry(memory.Read(place), memory.Read(place + sizeof(ulong))) : default;
}
