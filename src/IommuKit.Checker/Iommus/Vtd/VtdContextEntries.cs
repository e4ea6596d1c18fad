using IommuKit.Checker.Shadow;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>Root and context entries of legacy mode.</summary>
/// <param name="memory">The memory that they are in.</param>
/// <param name="root">The root table.</param>
internal sealed class VtdContextEntries(VtdMemory memory, ulong root) : IVtdEntries
{
    public int Most => 2;

    public void Find(ushort source, Span<TrackedRange> ranges)
    {
        ranges.Fill(RootOf(source));
        if (PlaceOf(source) is { } place)
        {
            ranges[1] = new TrackedRange(place, VtdContextEntry.Bytes);
        }
    }

    public VtdRoute? RouteOf(ushort source) => EntryOf(source) is { IsPresent: true } entry
        ? new VtdRoute(entry.DomainId, entry.SecondStage, IsFirstStage: false)
        : null;

    public ulong? RootWordOf(ushort source) => PlaceOf(source);

    // The domain's id.
    public ulong? LateWordOf(ushort source) => PlaceOf(source) is { } place ? place + sizeof(ulong) : null;

    private ulong? PlaceOf(ushort source) => memory.Read(RootOf(source).Address) is var table && (table & VtdRootEntry.Present) != 0
        ? (table & VtdRootEntry.AddressMask) + ((ulong)(source & 0xff) * VtdContextEntry.Bytes)
        : null;

    private TrackedRange RootOf(ushort source) => new(root + ((ulong)(source >> 8) * VtdRootEntry.Bytes), VtdRootEntry.Bytes);

    private VtdContextEntry EntryOf(ushort source) =>
        PlaceOf(source) is { } place ? new VtdContextEntry(memory.Read(place), memory.Read(place + sizeof(ulong))) : default;
}
