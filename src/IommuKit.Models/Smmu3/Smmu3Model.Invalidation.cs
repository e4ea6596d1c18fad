using IommuKit.Models.Caches;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>What invalidations drop (IHI 0070, sections 4.3 and 4.4).</content>
/// <remarks>
/// A command drops what it names and no more. In particular, CMD_TLBI_S2_IPA leaves translations of both stages alone: software has to follow it by
/// an invalidation of stage 1.
/// </remarks>
public sealed partial class Smmu3Model<TMemory>
{
    // The space of a translation, or of a pointer to a table: VMID, ASID, whose it is; the size of a page, or of what the table maps, as the class
    // of the cache;
    // the granule as TG; the level plus one; for a piece of a larger page of stage 1, log2 of that page's bytes.
    private const ulong VmidMask = 0xffff;
    private const int AsidShift = 16;
    private const ulong AsidMask = 0xffff_0000;
    private const int KindShift = 32;
    private const ulong KindMask = 3ul << KindShift;
    private const ulong GuestKind = 0;
    private const ulong SecondKind = 1ul << KindShift;
    private const ulong HypervisorKind = 2ul << KindShift;
    private const ulong HostKind = 3ul << KindShift;
    private const ulong GlobalBit = 1ul << 34;
    private const int GranuleShift = 41;
    private const ulong GranuleMask = 3ul << GranuleShift;
    private const int LevelShift = 43;
    private const ulong LevelMask = 7ul << LevelShift;
    private const int OriginShift = 46;
    private const ulong OriginMask = 0x3ful << OriginShift;

    // What a look-up compares.
    private const ulong LookUpMask = HardwareCache.Valid | HardwareCache.ClassMask | KindMask | AsidMask | VmidMask;

    private const int PageShift = 12;

    // Sizes of stage 1's pages of which pieces are cached, as stage 2's are smaller.
    private ulong _brokenSizes;

    /// <summary>CR0.VMW: how many low bits of VMIDs invalidations do not look at. What is reserved is none.</summary>
    private int IgnoredVmidBits => (int)((_control >> Smmu3Register.Control.VmidWildcardShift) & 7) is var bits and <= 4 ? bits : 0;

    private static ulong ClassOf(int shift) => (ulong)(uint)shift << HardwareCache.ClassShift;

    private static ulong GranuleOf(int granule) => (ulong)((granule - 10) / 2) << GranuleShift;

    private void Invalidate(in Smmu3Command command)
    {
        _drops++;
        ulong vmidMask = _unit.HasStage2 ? VmidMask & (ulong.MaxValue << IgnoredVmidBits) : 0;
        ulong vmid = command.Vmid;
        ulong asid = (ulong)command.Asid << AsidShift;
        switch (command.Code)
        {
            case Smmu3CommandCode.DropStream:
                DropStreams(command.StreamId, 0, command.IsLeaf);
                break;
            case Smmu3CommandCode.DropStreams:
                DropStreams(command.StreamId, command.Range + 1, isLeaf: false);
                break;
            case Smmu3CommandCode.DropContext:
                DropContext(command);
                break;
            case Smmu3CommandCode.DropContexts:
                DropContexts(command.StreamId, uint.MaxValue);
                break;
            case Smmu3CommandCode.DropGuest:
                DropAll(GuestKind | vmid, KindMask | vmidMask);
                break;
            case Smmu3CommandCode.DropAsid:
                DropAll(GuestKind | vmid | asid, KindMask | vmidMask | AsidMask | GlobalBit);
                break;
            case Smmu3CommandCode.DropVa:
                DropRange(command, GuestKind | vmid | asid, KindMask | vmidMask | AsidMask);
                break;
            case Smmu3CommandCode.DropVaAllAsids:
                DropRange(command, GuestKind | vmid, KindMask | vmidMask);
                break;
            case Smmu3CommandCode.DropHypervisor:
                DropAll(HypervisorKind, KindMask & ~(HypervisorKind ^ HostKind));
                break;
            case Smmu3CommandCode.DropHypervisorAsid:
                DropAll(HostKind | asid, KindMask | AsidMask | GlobalBit);
                break;
            case Smmu3CommandCode.DropHypervisorVa:
                DropRange(command, HypervisorKind, KindMask);
                DropRange(command, HostKind | asid, KindMask | AsidMask);
                break;
            case Smmu3CommandCode.DropHypervisorVaAllAsids:
                DropRange(command, HypervisorKind, KindMask & ~(HypervisorKind ^ HostKind));
                break;
            case Smmu3CommandCode.DropVmid:
                DropAll(vmid, vmidMask | (KindMask & ~SecondKind));
                break;
            case Smmu3CommandCode.DropIpa:
                DropRange(command, SecondKind | vmid, KindMask | vmidMask);
                break;
            case Smmu3CommandCode.DropAllGuests:
                DropAll(GuestKind, KindMask & ~SecondKind);
                break;
            default:
                // Prefetches are hints, which are not taken.
                break;
        }
    }

    private void DropAll(ulong space, ulong spaceMask)
    {
        _pages.Drop(space, spaceMask);
        _tables.Drop(space, spaceMask);
        if (_pages.Classes == 0)
        {
            _brokenSizes = 0;
        }
    }

    /// <summary>Drops what translates any address of a range.</summary>
    private void DropRange(in Smmu3Command command, ulong space, ulong spaceMask)
    {
        int level = 0;
        if (RangeOf(command, (space & KindMask) == SecondKind, out ulong first, out ulong last))
        {
            space |= (ulong)(uint)command.Granule << GranuleShift;
            spaceMask |= GranuleMask;
            level = LevelOf(command);
        }

        ulong pageMask = spaceMask;
        ulong pageSpace = space;
        if (level != 0)
        {
            pageMask |= LevelMask;
            pageSpace |= (ulong)(level + 1) << LevelShift;
        }

        DropClasses(_pages, pageSpace, pageMask, first, last);
        for (ulong broken = _brokenSizes; broken != 0; broken &= broken - 1)
        {
            // Of a page of stage 1, all pieces go with it.
            int origin = int.CreateTruncating(ulong.TrailingZeroCount(broken));
            ulong below = (1ul << origin) - 1;
            ulong originBits = (ulong)(uint)origin << OriginShift;
            DropClasses(_pages, pageSpace | originBits, pageMask | OriginMask, first & ~below, last | below);
        }

        if (!command.IsLeaf)
        {
            DropTables(space, spaceMask, first, last, level);
        }
    }

    /// <summary>The addresses that a command names.</summary>
    /// <returns>Whether it is a range; otherwise one address, by which the page around it is meant.</returns>
    private bool RangeOf(in Smmu3Command command, bool isSecond, out ulong first, out ulong last)
    {
        // The top byte may be ignored by the tables, and be anything here.
        first = isSecond ? command.Address & ((1ul << 52) - 1) : Canonical(command.Address);
        last = first;
        if (!_unit.HasRangeInvalidation || command.Granule == 0)
        {
            return false;
        }

        int scale = Math.Min(command.Scale, _unit.HasWideSmallGranules ? 39 : 31);
        int granule = (command.Granule * 2) + 10;
        UInt128 bytes = ((UInt128)(uint)(command.Number + 1) << scale) << granule;

        // From one range of addresses nothing goes on in the other.
        ulong end = (long)first < 0 || isSecond ? ulong.MaxValue : long.MaxValue;
        last = bytes - 1 > end - first ? end : first + (ulong)(bytes - 1);
        return true;
    }

    private void DropTables(ulong space, ulong spaceMask, ulong first, ulong last, int leafLevel)
    {
        if (leafLevel == 0)
        {
            DropClasses(_tables, space, spaceMask, first, last);
            return;
        }

        for (int level = -1; level < leafLevel; level++)
        {
            DropClasses(_tables, space | ((ulong)(level + 1) << LevelShift), spaceMask | LevelMask, first, last);
        }
    }

    private static void DropClasses(HardwareCache cache, ulong space, ulong spaceMask, ulong first, ulong last)
    {
        for (ulong classes = cache.Classes; classes != 0; classes &= classes - 1)
        {
            int shift = int.CreateTruncating(ulong.TrailingZeroCount(classes));
            cache.Drop(space | ClassOf(shift), spaceMask | HardwareCache.ClassMask, first >> shift, last >> shift);
        }
    }

    // Bit 55 tells the range that an address is in, and stands for all above it.
    private static ulong Canonical(ulong address) => (ulong)((long)(address << 8) >> 8);

    /// <summary>Drops the configuration of 2^<paramref name="log2"/> streams.</summary>
    private void DropStreams(uint stream, int log2, bool isLeaf)
    {
        uint below = log2 >= 32 ? uint.MaxValue : (1u << log2) - 1;
        uint first = stream & ~below;
        _streams.Drop(HardwareCache.Valid, HardwareCache.Valid, first, first | below);
        DropContexts(first, ~below);
        if (!isLeaf)
        {
            int split = Split;
            _streamTables.Drop(HardwareCache.Valid, HardwareCache.Valid, first >> split, (first | below) >> split);
        }
    }

    private void DropContexts(uint stream, uint streamMask)
    {
        _shortcuts.Drop(stream & streamMask, streamMask);
        _contexts.Drop(stream & streamMask, streamMask);
        _contextTables.Drop(stream & streamMask, streamMask);
    }

    private void DropContext(in Smmu3Command command)
    {
        ulong key = ContextKey(command.StreamId, command.SubstreamId);
        _shortcuts.Drop(command.StreamId, uint.MaxValue);
        _contexts.Drop(command.StreamId, uint.MaxValue, key, key);
        if (!command.IsLeaf)
        {
            // Of which format the table is, this command does not say.
            _contextTables.Drop(command.StreamId, uint.MaxValue);
        }
    }

    private static ulong ContextKey(uint stream, uint substream) => ((ulong)substream << 32) | stream;
}
