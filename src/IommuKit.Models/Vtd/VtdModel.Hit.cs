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
    /// <summary>Finds the page of a request in the caches.</summary>
    /// <remarks>
    /// No variable of this way has its address taken, so that it stays in registers; what is called on other ways gets copies.
    /// </remarks>
    /// <param name="source">The device.</param>
    /// <param name="address">The address.</param>
    /// <param name="access">What it does.</param>
    /// <param name="pasid">The PASID, or none.</param>
    /// <param name="page">The page, if it is found and allowed.</param>
    /// <param name="isPrivileged">Whether the request is privileged.</param>
    /// <param name="isAbsent">Whether no more than the page is missing.</param>
    /// <returns>Whether the request is answered with it; if not, something else is needed.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryHit(
        ushort source, ulong address, VtdAccess access, int pasid, out Page page, out bool isPrivileged, out bool isAbsent)
    {
        page = default;
        isPrivileged = false;
        isAbsent = false;
        if (!_contexts.TryFind(source, VtdCache.Valid, VtdCache.Valid | ReasonMask, out var found))
        {
            return false;
        }

        ulong tag;
        int mode = Volatile.Read(ref _mode);
        if (mode == Legacy)
        {
            if (pasid >= 0 || !TryTagOf(found, address, out tag) || VtdInterrupt.IsInterruptAddress(address))
            {
                return false;
            }
        }
        else if (mode == Scalable)
        {
            tag = FindTag(source, address, access, pasid, found.Data, found.Info, out bool isOfSupervisor);
            if (tag == 0)
            {
                return false;
            }

            isPrivileged = isOfSupervisor;
        }
        else
        {
            return false;
        }

        if (!TryFindPage(address, tag, out page))
        {
            isAbsent = true;
            return false;
        }

        if (!IsAllowed(address, access, page, isPrivileged))
        {
            return false;
        }

        _hits.Add();
        return true;
    }

    /// <summary>Walks for a request of which no more than the page is missing in the caches.</summary>
    /// <param name="source">The device.</param>
    /// <param name="address">The address.</param>
    /// <param name="access">What it does.</param>
    /// <param name="pasid">The PASID, or none.</param>
    /// <param name="page">The page, if it is found and allowed.</param>
    /// <param name="isPrivileged">Whether the request is privileged.</param>
    /// <returns>Whether the request is answered with it; if not, something else is needed.</returns>
    [SkipLocalsInit]
    private bool TryMiss(ushort source, ulong address, VtdAccess access, int pasid, out Page page, out bool isPrivileged)
    {
        page = default;
        isPrivileged = false;
        long drops = Volatile.Read(ref _drops);
        if (VtdInterrupt.IsInterruptAddress(address)
            || !_contexts.TryFind(source, VtdCache.Valid, VtdCache.Valid | ReasonMask, out var found))
        {
            return false;
        }

        Space space;
        switch (Volatile.Read(ref _mode))
        {
            case Legacy when pasid < 0 && TryTagOf(found, address, out _):
                space = SpaceOf(new VtdContextEntry(found.Data, found.Info), drops);
                break;
            case Scalable when TryFindTag(source, address, access, ref pasid, ref found, out _, out isPrivileged):
                space = SpaceOf(new VtdPasidEntry(found.Data, (ushort)found.Space, found.Info), pasid, drops);
                break;
            default:
                return false;
        }

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
        return IsAllowed(address, access, page, isPrivileged);
    }

    /// <summary>The space of a request's translations in legacy mode, if it is translated and within the width.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryTagOf(in VtdCacheEntry context, ulong address, out ulong tag)
    {
        var entry = new VtdContextEntry(context.Data, context.Info);
        tag = SpaceOf(SecondKind, entry.DomainId, 0);
        return entry.Type is not (VtdContextType.PassThrough or VtdContextType.Reserved)
            && address >> SecondWidth(TopLevelOf(entry.Width)) == 0;
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

    /// <summary>The space of a request's translations in scalable mode; 0 if it is none that the IOTLB holds.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong FindTag(ushort source, ulong address, VtdAccess access, int pasid, ulong data, ulong info, out bool isPrivileged)
    {
        var found = new VtdCacheEntry(source, 0, data, info);
        return TryFindTag(source, address, access, ref pasid, ref found, out ulong tag, out isPrivileged) ? tag : 0;
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

        // A copy, as on the way of hits.
        bool isLarge = TryFindLargePage(address, tag, out var large);
        page = new Page(large.Data, large.SizeLog2, large.Reason);
        return isLarge;
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
