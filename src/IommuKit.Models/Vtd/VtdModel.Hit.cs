using System.Runtime.CompilerServices;
using IommuKit.Models.Dma;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <content>
/// The way of nearly every request: all that it needs is cached, and it is allowed. Without a lock, and by the same rules as the full way, to
/// which everything else is left.
/// </content>
public sealed partial class VtdModel<TMemory>
{
    /// <summary>Answers a request from the caches, or by a walk if no more than the page is missing there.</summary>
    /// <param name="source">The device.</param>
    /// <param name="address">The address.</param>
    /// <param name="access">What it does.</param>
    /// <param name="pasid">The PASID, or none.</param>
    /// <param name="range">The answer.</param>
    /// <returns>False if something else is needed.</returns>
    [SkipLocalsInit]
    private bool TryHit(ushort source, ulong address, VtdAccess access, int pasid, out Translation range)
    {
        range = default;
        long drops = Volatile.Read(ref _drops);
        if (!_contexts.TryFind(source, VtdCache.Valid, VtdCache.Valid | ReasonMask, out var found))
        {
            return false;
        }

        ulong tag;
        bool isPrivileged = false;
        int mode = Volatile.Read(ref _mode);
        switch (mode)
        {
            case Legacy:
                var entry = new VtdContextEntry(found.Data, found.Info);
                if (pasid >= 0
                    || entry.Type is VtdContextType.PassThrough or VtdContextType.Reserved
                    || address >> SecondWidth(TopLevelOf(entry.Width)) != 0)
                {
                    return false;
                }

                tag = SpaceOf(SecondKind, entry.DomainId, 0);
                break;
            case Scalable:
                if (!TryFindTag(source, address, access, ref pasid, ref found, out tag, out isPrivileged))
                {
                    return false;
                }

                break;
            default:
                return false;
        }

        if (!TryFindPage(address, tag, out var page))
        {
            return TryMiss(mode == Legacy, address, access, pasid, found, isPrivileged, drops, out range);
        }

        if (!IsAllowed(address, access, page, isPrivileged) || (mode == Legacy && VtdInterrupt.IsInterruptAddress(address)))
        {
            return false;
        }

        _hits.Add();
        range = RangeOf(address, page, isPrivileged);
        return true;
    }

    /// <summary>Walks for a request whose context and PASID entries are cached.</summary>
    /// <param name="isLegacy">Whether that is in legacy mode.</param>
    /// <param name="address">The address.</param>
    /// <param name="access">What the request does.</param>
    /// <param name="pasid">The PASID by which it is translated.</param>
    /// <param name="found">The context entry, or the PASID entry.</param>
    /// <param name="isPrivileged">Whether the request is privileged.</param>
    /// <param name="drops">The count of invalidations from before the entries were looked up.</param>
    /// <param name="range">The answer.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryMiss(
        bool isLegacy, ulong address, VtdAccess access, int pasid, in VtdCacheEntry found, bool isPrivileged, long drops, out Translation range)
    {
        range = default;
        if (VtdInterrupt.IsInterruptAddress(address))
        {
            return false;
        }

        var space = isLegacy
            ? SpaceOf(new VtdContextEntry(found.Data, found.Info), drops)
            : SpaceOf(new VtdPasidEntry(found.Data, (ushort)found.Space, found.Info), pasid, drops);
        Page page;
        lock (_gate)
        {
            if (drops != _drops)
            {
                return false;
            }

            if (!TryReadUsualPage(address, space, out page))
            {
                page = Walk(address, (access & VtdAccess.Write) != 0, space, isPrivileged);
            }
        }

        // What is stopped is looked at again, in full.
        if (!IsAllowed(address, access, page, isPrivileged))
        {
            return false;
        }

        range = RangeOf(address, page, isPrivileged);
        return true;
    }

    /// <summary>
    /// The usual page, of the second stage alone: its table is cached, and its entry has nothing but an address and both rights. Whatever is not plain is
    /// left to the walk, which reads the entry again.
    /// </summary>
    private bool TryReadUsualPage(ulong address, in Space space, out Page page)
    {
        page = default;
        if (space.Type != VtdPasidType.SecondStage
            || space.SetsSecondBits
            || !_tables[1].TryFind(address >> ShiftOf(1), space.Tag, WholeSpace, out var table))
        {
            return false;
        }

        bool isRead = TryReadEntry((table.Data & ~PointerRights) + EntryOffset(address, level: 0), out ulong value);
        if (!isRead || (value & ~VtdSecondStageEntry.AddressMask) != SecondPointer || !IsInMemory(value))
        {
            // The walk counts it.
            _entriesRead--;
            return false;
        }

        _misses++;
        var way = (PageRights)(table.Data & PointerRights) & (PageRights.Read | PageRights.Write);
        page = new Page((value & VtdSecondStageEntry.AddressMask) | (ulong)SecondRights(way, isDirty: true), PageShift, VtdFaultReason.None);
        if (space.Drops == _drops)
        {
            _pages.Add(new VtdCacheEntry(address >> PageShift, space.Tag, page.Data, 0));
        }

        return true;
    }

    private static bool IsAllowed(ulong address, VtdAccess access, in Page page, bool isPrivileged)
    {
        var needed = (isPrivileged ? PageRights.None : PageRights.User)
            | ((access & VtdAccess.Read) != 0 ? PageRights.Read : 0)
            | ((access & VtdAccess.Write) == 0 ? 0
                : isPrivileged ? PageRights.SupervisorWrite | PageRights.Dirty
                : PageRights.Write | PageRights.Dirty);
        return (page.Rights & needed) == needed
            && page.Reason == VtdFaultReason.None
            && !VtdInterrupt.IsInterruptAddress(page.PhysicalOf(address));
    }

    /// <summary>The space of a request's translations in scalable mode, if it is one that the IOTLB holds.</summary>
    /// <param name="source">The device.</param>
    /// <param name="address">The address.</param>
    /// <param name="access">What the request does.</param>
    /// <param name="pasid">The PASID, or none; then the one that stands for it.</param>
    /// <param name="found">The context entry; then the PASID entry.</param>
    /// <param name="tag">The space.</param>
    /// <param name="isPrivileged">Whether the request is privileged.</param>
    private bool TryFindTag(
        ushort source, ulong address, VtdAccess access, ref int pasid, ref VtdCacheEntry found, out ulong tag, out bool isPrivileged)
    {
        tag = 0;
        isPrivileged = false;
        var context = new VtdScalableContextEntry(found.Data, found.Info, 0, 0);
        if (pasid < 0)
        {
            if (VtdInterrupt.IsInterruptAddress(address))
            {
                return false;
            }

            pasid = context.RequestPasid;
            isPrivileged = context.IsRequestPrivileged;
        }
        else if (context.EnablesPasid)
        {
            isPrivileged = (access & VtdAccess.Privileged) != 0;
        }
        else
        {
            return false;
        }

        ulong key = ((ulong)source << 20) | (uint)pasid;
        if (pasid >> context.PasidBits != 0
            || (access & VtdAccess.Execute) != 0
            || !_pasids.TryFind(key, VtdCache.Valid, VtdCache.Valid | ReasonMask, out found))
        {
            return false;
        }

        var entry = new VtdPasidEntry(found.Data, (ushort)found.Space, found.Info);
        switch (entry.Type)
        {
            case VtdPasidType.SecondStage:
                tag = SpaceOf(SecondKind, entry.DomainId, 0);
                return address >> SecondWidth(TopLevelOf(entry.Width)) == 0;
            case VtdPasidType.FirstStage or VtdPasidType.Nested:
                tag = SpaceOf(entry.Type == VtdPasidType.Nested ? NestedKind : FirstKind, entry.DomainId, pasid);
                return IsCanonical(address, entry) && (!isPrivileged || entry.EnablesSupervisor);
            default:
                return false;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFindPage(ulong address, ulong tag, out Page page)
    {
        if (_pages.TryFind(address >> PageShift, tag, WholeSpace, out var slot))
        {
            page = new Page(slot.Data, PageShift, (VtdFaultReason)slot.Info);
            return true;
        }

        return TryFindLargePage(address, tag, out page);
    }

    private bool TryFindLargePage(ulong address, ulong tag, out Page page)
    {
        if (!_pages2M.IsEmpty && _pages2M.TryFind(address >> ShiftOf(1), tag, WholeSpace, out var slot))
        {
            page = new Page(slot.Data, ShiftOf(1), (VtdFaultReason)slot.Info);
            return true;
        }

        if (!_pages1G.IsEmpty && _pages1G.TryFind(address >> ShiftOf(2), tag, WholeSpace, out slot))
        {
            page = new Page(slot.Data, ShiftOf(2), (VtdFaultReason)slot.Info);
            return true;
        }

        page = default;
        return false;
    }

    /// <summary>Whether all bits of an address from the highest that is translated upwards are the same.</summary>
    private static bool IsCanonical(ulong address, in VtdPasidEntry entry) => (long)address >> (entry.FirstStageMode == 1 ? 56 : 47) is 0 or -1;

    /// <summary>Bits of an address that a second stage translates.</summary>
    private int SecondWidth(int topLevel) => Math.Min(ShiftOf(topLevel + 1), _cap.MaxGuestWidth);

    /// <summary>The range that a page is for a request.</summary>
    private static Translation RangeOf(ulong address, in Page page, bool isPrivileged)
    {
        ulong bytes = 1ul << page.SizeLog2;
        ulong start = address & ~(bytes - 1);
        ulong physical = page.PhysicalOf(start);

        // Within a large page, addresses of interrupts are answered for themselves.
        const ulong interrupts = 0xfee0_0000;
        if (page.SizeLog2 > PageShift && (interrupts - start < bytes || interrupts - physical < bytes))
        {
            start = address & ~0xffful;
            physical = page.PhysicalOf(start);
            bytes = 0x1000;
        }

        return new Translation(IsAllowed: true, start, bytes, physical, ProtectionOf(page.Rights, isPrivileged));
    }

    private static Protection ProtectionOf(PageRights rights, bool isPrivileged)
    {
        if (!isPrivileged && (rights & PageRights.User) == 0)
        {
            return Protection.None;
        }

        return ((rights & PageRights.Read) != 0 ? Protection.Read : 0)
            | ((rights & (isPrivileged ? PageRights.SupervisorWrite : PageRights.Write)) != 0 ? Protection.Write : 0)
            | ((rights & PageRights.Execute) == 0 ? Protection.NoExecute : 0)
            | ((rights & PageRights.User) == 0 ? Protection.Privileged : 0);
    }
}
