using IommuKit.Models.Dma;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>What is told to those who keep translations outside of the model.</content>
public sealed partial class Smmu3Model<TMemory>
{
    // Bytes of a page, as a power of two, of which the model has ever answered with pieces: as stage 2's are smaller. A command that names a part of
    // the page means them all, wherever they are kept, and the IOTLB may have forgotten them long ago.
    private ulong _piecedSizes;

    // Of the command that is being done. Set under the lock, and told by the one thread that consumes.
    private InvalidationNotice _notice;

    /// <inheritdoc/>
    public Action<InvalidationNotice>? Invalidated { get; set; }

    private void TellEverything() => Invalidated?.Invoke(new InvalidationNotice(InvalidationScope.Everything));

    /// <summary>What a command makes invalid. Under the lock.</summary>
    /// <returns>False if it is none that anybody outside has to know of.</returns>
    private bool TryNotice(in Smmu3Command command, out InvalidationNotice notice)
    {
        bool isOneGuest = _unit.HasStage2 && IgnoredVmidBits == 0;
        int? guest = isOneGuest ? command.Vmid : null;
        notice = command.Code switch
        {
            Smmu3CommandCode.DropStream => OfStreams(command.StreamId, 0) with { LeavesOnly = command.IsLeaf },
            Smmu3CommandCode.DropStreams => OfStreams(command.StreamId, command.Range + 1),
            Smmu3CommandCode.DropContext when command.IsLeaf => OfStreams(command.StreamId, 0) with
            {
                Substream = command.SubstreamId,
                LeavesOnly = true,
            },
            // Where pointers to tables of descriptors go, others were reached by them.
            Smmu3CommandCode.DropContext => OfStreams(command.StreamId, 0),
            Smmu3CommandCode.DropContexts => OfStreams(command.StreamId, 0),
            Smmu3CommandCode.DropGuest or Smmu3CommandCode.DropVmid => OfSpace(guest, null),
            Smmu3CommandCode.DropAsid => OfSpace(guest, command.Asid),
            Smmu3CommandCode.DropVa => OfPages(command, guest, command.Asid),
            Smmu3CommandCode.DropVaAllAsids or Smmu3CommandCode.DropIpa => OfPages(command, guest, null),
            Smmu3CommandCode.DropHypervisorAsid => OfSpace(null, command.Asid),
            // Translations of EL2 without E2H have no ASID.
            Smmu3CommandCode.DropHypervisorVa or Smmu3CommandCode.DropHypervisorVaAllAsids => OfPages(command, null, null),
            _ => new InvalidationNotice(InvalidationScope.Everything),
        };
        return command.Code > Smmu3CommandCode.PrefetchAddress;
    }

    private static InvalidationNotice OfSpace(int? domain, int? space) =>
        new(InvalidationScope.AddressSpace, Domain: domain, Space: space);

    private static InvalidationNotice OfStreams(uint stream, int log2)
    {
        uint below = log2 >= 32 ? uint.MaxValue : (1u << log2) - 1;
        return below == uint.MaxValue
            ? new InvalidationNotice(InvalidationScope.Everything)
            : new InvalidationNotice(InvalidationScope.Stream, FirstStream: stream & ~below, LastStream: stream | below);
    }

    private InvalidationNotice OfPages(in Smmu3Command command, int? domain, int? space)
    {
        bool isSecond = command.Code == Smmu3CommandCode.DropIpa;
        RangeOf(command, isSecond, out ulong first, out ulong last);
        if (!isSecond && _piecedSizes != 0)
        {
            ulong below = (1ul << (int)ulong.Log2(_piecedSizes)) - 1;
            first &= ~below;
            last |= below;
        }

        return new InvalidationNotice(
            InvalidationScope.Pages, first, PageEnd(last), Domain: domain, Space: space, LeavesOnly: command.IsLeaf);
    }

    // A command without a range names one address, and by it the page around.
    private static ulong PageEnd(ulong last) => last | ((1ul << PageShift) - 1);

    private static InvalidationNotice NoticeOf(in Smmu3DeviceTlbInvalidation device) => new(
        InvalidationScope.Pages,
        device.First,
        device.Last,
        device.StreamId,
        device.StreamId,
        device.IsGlobal ? null : device.SubstreamId,
        IsOfDeviceTlb: true);
}
