using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>Root, context, directory and PASID entries of scalable mode.</summary>
/// <param name="memory">The memory that they are in.</param>
/// <param name="root">The root table.</param>
internal sealed class VtdPasidEntries(VtdMemory memory, ulong root) : IVtdEntries
{
    private const int PasidWords = 3;
    private const ulong ThirdWord = 2 * sizeof(ulong);

    public int Most => 4;

    public void Find(VtdSource source, Span<TrackedRange> ranges)
    {
        ranges.Fill(new TrackedRange(RootOf(source.SourceId), sizeof(ulong)));
        if (ContextPlaceOf(source.SourceId) is not { } context)
        {
            return;
        }

        ranges[1] = new TrackedRange(context, VtdScalableContextEntry.Bytes);
        var entry = ContextAt(context);
        if (entry.IsPresent)
        {
            ranges[2] = new TrackedRange(DirectoryPlaceOf(entry, source), VtdPasidDirectoryEntry.Bytes);
            if (PasidPlaceOf(entry, source) is { } pasid)
            {
                ranges[3] = new TrackedRange(pasid, PasidWords * sizeof(ulong));
            }
        }
    }

    public VtdRoute? RouteOf(VtdSource source)
    {
        if (PlaceOf(source) is not { } place)
        {
            return null;
        }

        var entry = EntryAt(place);
        return !entry.IsPresent ? null
            : IsFirstStage(entry) ? new VtdRoute(entry.DomainId, entry.FirstStage, IsFirstStage: true)
            : new VtdRoute(entry.DomainId, entry.SecondStage, IsFirstStage: false);
    }

    public ulong? RootWordOf(VtdSource source) =>
        PlaceOf(source) is { } place ? IsFirstStage(EntryAt(place)) ? place + ThirdWord : place : null;

    // Of a first stage its table, of a second one the domain's id: its table is beside the bit.
    public ulong? LateWordOf(VtdSource source) =>
        PlaceOf(source) is { } place ? place + (IsFirstStage(EntryAt(place)) ? ThirdWord : sizeof(ulong)) : null;

    // Of a nested one, the second stage is the domain's, and the first a guest's.
    private static bool IsFirstStage(in VtdPasidEntry entry) => entry.Type == VtdPasidType.FirstStage;

    private ulong? PlaceOf(VtdSource source) =>
        ContextPlaceOf(source.SourceId) is { } context && ContextAt(context) is { IsPresent: true } entry ? PasidPlaceOf(entry, source) : null;

    private static ulong DirectoryPlaceOf(in VtdScalableContextEntry context, VtdSource source) => context.Directory
        + ((ulong)(uint)(NumberOf(context, source) >> VtdPasidDirectoryEntry.PasidsLog2) * VtdPasidDirectoryEntry.Bytes);

    private static int NumberOf(in VtdScalableContextEntry context, VtdSource source) =>
        source.Pasid == IommuDomain.NoPasid ? context.RequestPasid : source.Pasid;

    private ulong RootOf(ushort source) => root + ((ulong)(source >> 7) * sizeof(ulong));

    private ulong? ContextPlaceOf(ushort source) => memory.Read(RootOf(source)) is var table && (table & VtdRootEntry.Present) != 0
        ? (table & VtdRootEntry.AddressMask) + ((ulong)(source & 0x7f) * VtdScalableContextEntry.Bytes)
        : null;

    private VtdPasidEntry EntryAt(ulong place) => new(memory.Read(place), memory.Read(place + sizeof(ulong)), memory.Read(place + ThirdWord));

    private VtdScalableContextEntry ContextAt(ulong place) => new(memory.Read(place), memory.Read(place + sizeof(ulong)), 0, 0);

    private ulong? PasidPlaceOf(in VtdScalableContextEntry context, VtdSource source)
    {
        var directory = new VtdPasidDirectoryEntry(memory.Read(DirectoryPlaceOf(context, source)));
        int place = NumberOf(context, source) & ((1 << VtdPasidDirectoryEntry.PasidsLog2) - 1);
        return directory.IsPresent ? directory.Table + ((ulong)(uint)place * VtdPasidEntry.Bytes) : null;
    }
}
