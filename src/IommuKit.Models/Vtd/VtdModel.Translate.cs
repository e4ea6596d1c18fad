using System.Runtime.CompilerServices;
using IommuKit.Models.Dma;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <content>Translation.</content>
public sealed partial class VtdModel<TMemory>
{
    /// <summary>Translates a transaction without a PASID.</summary>
    /// <remarks>A write that asks for an interrupt is refused, as it is no access to memory: see <see cref="Translate(in VtdRequest)"/>.</remarks>
    /// <inheritdoc/>
    [SkipLocalsInit]
    public Translation Translate(in DmaRequest request)
    {
        if ((uint)request.Source > ushort.MaxValue)
        {
            return Translation.Fault;
        }

        ushort source = (ushort)request.Source;
        var access = request.IsWrite ? VtdAccess.Write : VtdAccess.Read;
        return TryHit(source, request.Iova, access, VtdRequest.NoPasid, out var page, out bool isPrivileged, out bool isAbsent)
            ? RangeOf(request.Iova, page, isPrivileged)
            : RangeMissed(source, request.Iova, access, isAbsent);
    }

    /// <summary>Translates a request, or records a fault as the hardware does. The answer holds as long as the access is under way: see
    /// <see cref="Accesses"/>.</summary>
    public VtdTranslation Translate(in VtdRequest request)
    {
        bool isAbsent = false;
        return request.AddressType == VtdAddressType.Untranslated
            && TryHit(request.Source, request.Address, request.Access, request.Pasid, out var page, out bool isPrivileged, out isAbsent)
                ? new VtdTranslation(VtdOutcome.Allowed, RangeOf(request.Address, page, isPrivileged))
                : TranslateMissed(request, isAbsent);
    }

    private Translation RangeMissed(ushort source, ulong address, VtdAccess access, bool isAbsent) =>
        isAbsent && TryMiss(source, address, access, VtdRequest.NoPasid, out var page, out bool isPrivileged)
            ? RangeOf(address, page, isPrivileged)
            : TranslateInFull(new VtdRequest(source, address, access)).Range;

    private VtdTranslation TranslateMissed(in VtdRequest request, bool isAbsent) =>
        isAbsent && TryMiss(request.Source, request.Address, request.Access, request.Pasid, out var page, out bool isPrivileged)
            ? new VtdTranslation(VtdOutcome.Allowed, RangeOf(request.Address, page, isPrivileged))
            : TranslateInFull(request);

    private VtdTranslation TranslateInFull(in VtdRequest request)
    {
        if (TryTranslate(request, mayWalk: false, out var answer))
        {
            return answer;
        }

        lock (_gate)
        {
            TryTranslate(request, mayWalk: true, out answer);
        }

        TellIfDue();
        return answer;
    }

    /// <summary>Nothing is recorded: a VT-d unit does not learn what became of a request that it let through.</summary>
    /// <inheritdoc/>
    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress)
    {
    }

    /// <summary>Translates by the caches alone, or under the lock with all means.</summary>
    /// <returns>False if the lock is needed: to read memory, to set a bit in it, or to record a fault.</returns>
    private bool TryTranslate(in VtdRequest request, bool mayWalk, out VtdTranslation answer)
    {
        if (!request.HasPasid && request.AddressType == VtdAddressType.Untranslated && VtdInterrupt.IsInterruptAddress(request.Address))
        {
            answer = request.IsWrite ? VtdTranslation.Interrupt : VtdTranslation.Blocked;
            return true;
        }

        switch (Volatile.Read(ref _mode))
        {
            case Legacy:
                return TryTranslateLegacy(request, mayWalk, out answer);
            case Scalable:
                return TryTranslateScalable(request, mayWalk, out answer);
            case Off when !request.HasPasid && request.AddressType == VtdAddressType.Untranslated:
                answer = Identity(request.Address);
                return true;
            case Reserved:
                return TryStop(request, VtdFaultReason.TableModeReserved, isRecorded: true, mayWalk, out answer);
            default:
                answer = VtdTranslation.Blocked;
                return true;
        }
    }

    private bool TryTranslateLegacy(in VtdRequest request, bool mayWalk, out VtdTranslation answer)
    {
        if (request.HasPasid)
        {
            return TryStop(request, VtdFaultReason.LegacyWithPasid, isRecorded: true, mayWalk, out answer);
        }

        long drops = _drops;
        var reason = FindContext(request.Source, mayWalk, out var context);
        var entry = new VtdContextEntry(context.Data, context.Info);
        if (reason != VtdFaultReason.None)
        {
            return TryStop(request, reason, !entry.DisablesFaults, mayWalk, out answer);
        }

        if (request.AddressType != VtdAddressType.Untranslated && entry.Type != VtdContextType.All)
        {
            return TryStop(request, VtdFaultReason.RequestBlocked, !entry.DisablesFaults, mayWalk, out answer);
        }

        if (request.AddressType == VtdAddressType.Translated || entry.Type == VtdContextType.PassThrough)
        {
            return request.Address >> _unit.HostAddressBits == 0
                ? Answer(Identity(request.Address), out answer)
                : TryStop(request, VtdFaultReason.AddressBeyondWidth, !entry.DisablesFaults, mayWalk, out answer);
        }

        int topLevel = TopLevelOf(entry.Width);
        if (request.Address >> SecondWidth(topLevel) != 0)
        {
            return TryStop(request, VtdFaultReason.AddressBeyondWidth, !entry.DisablesFaults, mayWalk, out answer);
        }

        return TryTranslatePage(request, SpaceOf(entry, drops), isPrivileged: false, !entry.DisablesFaults, mayWalk, out answer);
    }

    private bool TryTranslateScalable(in VtdRequest request, bool mayWalk, out VtdTranslation answer)
    {
        long drops = _drops;
        var reason = FindContext(request.Source, mayWalk, out var slot);
        var context = new VtdScalableContextEntry(slot.Data, slot.Info, 0, 0);
        if (reason == VtdFaultReason.None)
        {
            reason = CheckContext(request, context);
        }

        if (reason != VtdFaultReason.None)
        {
            return TryStop(request, reason, !context.DisablesFaults, mayWalk, out answer);
        }

        if (request.AddressType == VtdAddressType.Translated)
        {
            return request.Address >> _unit.HostAddressBits == 0
                ? Answer(Identity(request.Address), out answer)
                : TryStop(request, VtdFaultReason.ScalableAddressBeyondWidth, !context.DisablesFaults, mayWalk, out answer);
        }

        int pasid = request.HasPasid ? request.Pasid : context.RequestPasid;
        reason = FindPasid(request.Source, pasid, slot, mayWalk, out var entry);
        bool isRecorded = !DisablesFaults(entry.Data);
        if (reason != VtdFaultReason.None)
        {
            return TryStop(request, reason, isRecorded, mayWalk, out answer);
        }

        bool isPrivileged = request.HasPasid ? (request.Access & VtdAccess.Privileged) != 0 : context.IsRequestPrivileged;
        return TryTranslatePasid(request, pasid, entry, isPrivileged, drops, mayWalk, out answer);
    }

    private static VtdFaultReason CheckContext(in VtdRequest request, in VtdScalableContextEntry context)
    {
        if (request.AddressType != VtdAddressType.Untranslated && !context.EnablesDeviceTlb)
        {
            return VtdFaultReason.DeviceTlbDisabled;
        }

        if (!request.HasPasid)
        {
            return context.RequestPasid >> context.PasidBits == 0 ? VtdFaultReason.None : VtdFaultReason.RequestPasidTooLarge;
        }

        return !context.EnablesPasid ? VtdFaultReason.PasidDisabled
            : request.Pasid >> Math.Min(context.PasidBits, 20) != 0 ? VtdFaultReason.PasidTooLarge
            : VtdFaultReason.None;
    }

    private bool TryTranslatePasid(
        in VtdRequest request, int pasid, in VtdCacheEntry slot, bool isPrivileged, long drops, bool mayWalk, out VtdTranslation answer)
    {
        var entry = new VtdPasidEntry(slot.Data, (ushort)slot.Space, slot.Info);
        var reason = VtdFaultReason.None;
        switch (entry.Type)
        {
            case VtdPasidType.PassThrough when VtdInterrupt.IsInterruptAddress(request.Address):
                reason = VtdFaultReason.ScalableInterruptAddress;
                break;
            case VtdPasidType.PassThrough:
                if (request.Address >> _unit.HostAddressBits == 0)
                {
                    return Answer(Identity(request.Address), out answer);
                }

                reason = VtdFaultReason.ScalableAddressBeyondWidth;
                break;
            case VtdPasidType.SecondStage:
                reason = request.Address >> SecondWidth(TopLevelOf(entry.Width)) == 0
                    ? VtdFaultReason.None
                    : VtdFaultReason.ScalableAddressBeyondWidth;
                break;
            default:
                reason = CheckFirstStage(request, entry, isPrivileged);
                break;
        }

        return reason == VtdFaultReason.None
            ? TryTranslatePage(request, SpaceOf(entry, pasid, drops), isPrivileged, !entry.DisablesFaults, mayWalk, out answer)
            : TryStop(request, reason, !entry.DisablesFaults, mayWalk, out answer);
    }

    /// <summary>How a device is translated in legacy mode.</summary>
    private static Space SpaceOf(in VtdContextEntry entry, long drops) => new(
        VtdPasidType.SecondStage,
        entry.DomainId,
        SpaceOf(SecondKind, entry.DomainId, 0),
        entry.SecondStage,
        TopLevelOf(entry.Width),
        SetsSecondBits: false,
        0,
        drops);

    /// <summary>How a PASID is translated.</summary>
    private static Space SpaceOf(in VtdPasidEntry entry, int pasid, long drops) => new(
        entry.Type,
        entry.DomainId,
        entry.Type switch
        {
            VtdPasidType.SecondStage => SpaceOf(SecondKind, entry.DomainId, 0),
            VtdPasidType.Nested => SpaceOf(NestedKind, entry.DomainId, pasid),
            _ => SpaceOf(FirstKind, entry.DomainId, pasid),
        },
        entry.SecondStage,
        TopLevelOf(entry.Width),
        entry.EnablesSecondStageAccessedDirty,
        entry.Type == VtdPasidType.SecondStage ? 0 : entry.Third,
        drops);

    private static VtdFaultReason CheckFirstStage(in VtdRequest request, in VtdPasidEntry entry, bool isPrivileged)
    {
        if ((request.Access & VtdAccess.Execute) != 0 && !entry.EnablesExecute)
        {
            return VtdFaultReason.ExecuteDisabled;
        }

        if (isPrivileged && !entry.EnablesSupervisor)
        {
            return VtdFaultReason.SupervisorDisabled;
        }

        return IsCanonical(request.Address, entry) ? VtdFaultReason.None : VtdFaultReason.NotCanonical;
    }

    private bool TryTranslatePage(
        in VtdRequest request, in Space space, bool isPrivileged, bool isRecorded, bool mayWalk, out VtdTranslation answer)
    {
        bool isHit = TryFindPage(request.Address, space.Tag, out var page) && !NeedsDirty(request, page.Rights, isPrivileged);
        if (!isHit)
        {
            if (!mayWalk)
            {
                answer = default;
                return false;
            }

            page = Walk(request.Address, request.IsWrite, space, isPrivileged);
        }

        var reason = page.Reason;
        if (reason == VtdFaultReason.None && request.AddressType == VtdAddressType.Untranslated)
        {
            reason = CheckRights(request.Access, page.Rights, isPrivileged, space);
        }

        if (reason == VtdFaultReason.None && VtdInterrupt.IsInterruptAddress(page.PhysicalOf(request.Address)))
        {
            reason = VtdFaultReason.ScalableInterruptAddress;
        }

        if (isHit && (reason == VtdFaultReason.None || mayWalk))
        {
            _hits.Add();
        }

        return reason == VtdFaultReason.None
            ? Answer(new VtdTranslation(VtdOutcome.Allowed, RangeOf(request.Address, page, isPrivileged)), out answer)
            : TryStop(request, InMode(reason, request), isRecorded, mayWalk, out answer);
    }

    // A cached entry may be of another mode than the one in which it is used: whatever it holds, there is such a level.
    private static int TopLevelOf(int encodedWidth) => Math.Min(encodedWidth, 3) + 1;

    /// <summary>Whether a write is allowed by an entry that says nothing of having been written yet.</summary>
    private static bool NeedsDirty(in VtdRequest request, PageRights rights, bool isPrivileged) =>
        (rights & PageRights.Dirty) == 0
        && request.IsWrite
        && (rights & (isPrivileged ? PageRights.SupervisorWrite : PageRights.Write)) != 0;

    private VtdFaultReason CheckRights(VtdAccess access, PageRights rights, bool isPrivileged, in Space space)
    {
        if (!isPrivileged && (rights & PageRights.User) == 0)
        {
            return VtdFaultReason.UserNotAllowed;
        }

        if ((access & VtdAccess.Execute) != 0)
        {
            bool isPrevented = isPrivileged && (rights & PageRights.User) != 0 && new VtdPasidEntry(0, 0, space.Control).PreventsUserExecution;
            if (isPrevented || (rights & PageRights.Execute) == 0)
            {
                return VtdFaultReason.ExecuteNotAllowed;
            }
        }

        if ((access & VtdAccess.Write) != 0 && (rights & (isPrivileged ? PageRights.SupervisorWrite : PageRights.Write)) == 0)
        {
            return VtdFaultReason.ScalableWriteNotAllowed;
        }

        bool mayRead = (rights & PageRights.Read) != 0
            || ((access & VtdAccess.ZeroLength) != 0 && _cap.ZeroLengthReads && (rights & PageRights.Write) != 0);
        return (access & VtdAccess.Read) == 0 || mayRead ? VtdFaultReason.None : VtdFaultReason.ScalableReadNotAllowed;
    }

    /// <summary>The reason that legacy mode has for what went wrong in the second stage.</summary>
    private VtdFaultReason InMode(VtdFaultReason reason, in VtdRequest request) => _tableMode != VtdTableMode.Legacy ? reason : reason switch
    {
        VtdFaultReason.ScalableSecondStageNotReadable or VtdFaultReason.ScalableSecondStageRootNotReadable => VtdFaultReason.SecondStageNotReadable,
        VtdFaultReason.ScalableSecondStageReserved => VtdFaultReason.SecondStageReserved,
        VtdFaultReason.ScalableSecondStageNotPresent => request.IsWrite ? VtdFaultReason.WriteNotAllowed : VtdFaultReason.ReadNotAllowed,
        VtdFaultReason.ScalableWriteNotAllowed => VtdFaultReason.WriteNotAllowed,
        VtdFaultReason.ScalableReadNotAllowed => VtdFaultReason.ReadNotAllowed,
        VtdFaultReason.ScalableInterruptAddress => VtdFaultReason.InterruptAddress,
        _ => reason,
    };

    /// <summary>What passes through: everything but the addresses of interrupts and protected memory.</summary>
    private VtdTranslation Identity(ulong address)
    {
        ulong end = 1ul << _unit.HostAddressBits;
        const ulong interrupts = 0xfee0_0000;
        const ulong afterInterrupts = 0xfef0_0000;
        if (address >= end || VtdInterrupt.IsInterruptAddress(address))
        {
            return VtdTranslation.Blocked;
        }

        if (Volatile.Read(ref _isProtecting))
        {
            // Base and limit may lie anywhere: page by page.
            return IsProtected(address) ? VtdTranslation.Blocked : Allowed(address & ~0xffful, 0x1000);
        }

        return address < interrupts ? Allowed(0, interrupts) : Allowed(afterInterrupts, end - afterInterrupts);

        static VtdTranslation Allowed(ulong start, ulong bytes) => new(
            VtdOutcome.Allowed, new Translation(IsAllowed: true, start, bytes, start, Protection.Read | Protection.Write));
    }

    private static bool Answer(in VtdTranslation value, out VtdTranslation answer)
    {
        answer = value;
        return true;
    }

    /// <summary>Stops a request and records why, under the lock.</summary>
    private bool TryStop(in VtdRequest request, VtdFaultReason reason, bool isRecorded, bool hasLock, out VtdTranslation answer)
    {
        if (!hasLock)
        {
            answer = default;
            return false;
        }

        if (request.AddressType == VtdAddressType.TranslationRequest && IsRecoverable(reason))
        {
            // The device is told that nothing is allowed there, and may request the page.
            var nothing = new Translation(IsAllowed: true, request.Address & ~0xffful, 0x1000, 0, Protection.None);
            return Answer(new VtdTranslation(VtdOutcome.Allowed, nothing, reason), out answer);
        }

        _stopped++;
        if (isRecorded)
        {
            bool isAtomic = (request.Access & (VtdAccess.Read | VtdAccess.Write)) == (VtdAccess.Read | VtdAccess.Write)
                && request.AddressType == VtdAddressType.Untranslated;
            Record(VtdFaultRecord.ForMemory(
                request.Source,
                request.Address,
                reason,
                request.IsWrite,
                isAtomic,
                isPageRequest: false,
                request.AddressType,
                request.HasPasid ? request.Pasid : null,
                request.HasPasid && (request.Access & VtdAccess.Execute) != 0,
                request.HasPasid && (request.Access & VtdAccess.Privileged) != 0));
        }

        return Answer(new VtdTranslation(VtdOutcome.Fault, Translation.Fault, reason), out answer);
    }

    private static bool IsRecoverable(VtdFaultReason reason) => reason is
        VtdFaultReason.AddressBeyondWidth
        or VtdFaultReason.WriteNotAllowed
        or VtdFaultReason.ReadNotAllowed
        or VtdFaultReason.FirstStageNotPresent
        or VtdFaultReason.ScalableSecondStageNotPresent
        or (>= VtdFaultReason.NotCanonical and <= VtdFaultReason.ScalableReadNotAllowed);

    /// <summary>How a request is translated.</summary>
    /// <param name="Type">By which stages.</param>
    /// <param name="Domain">The domain.</param>
    /// <param name="Tag">The space of its translations in the caches.</param>
    /// <param name="SecondRoot">The root of the second stage.</param>
    /// <param name="SecondLevel">The level of that root.</param>
    /// <param name="SetsSecondBits">Whether accessed and dirty bits of the second stage are set.</param>
    /// <param name="Control">The third quadword of the PASID entry, which is about the first stage; 0 without one.</param>
    /// <param name="Drops">
    /// The count of invalidations from before anything was read for the request: memory may call back, and what was dropped meanwhile must not be cached.
    /// </param>
    private readonly record struct Space(
        VtdPasidType Type, ushort Domain, ulong Tag, ulong SecondRoot, int SecondLevel, bool SetsSecondBits, ulong Control, long Drops);

    /// <summary>A page as the IOTLB has it.</summary>
    /// <param name="Data">Its physical address, and <see cref="PageRights"/> in the low bits.</param>
    /// <param name="SizeLog2">Log2 of its bytes.</param>
    /// <param name="Reason">Why there is none, if that is cached, or just found out.</param>
    private readonly record struct Page(ulong Data, int SizeLog2, VtdFaultReason Reason)
    {
        public PageRights Rights => (PageRights)(Data & 0xfff);

        public ulong PhysicalOf(ulong address) => (Data & ~0xffful) | (address & ((1ul << SizeLog2) - 1));
    }

    [Flags]
    private enum PageRights
    {
        None = 0,
        Read = 1,
        Write = 2,
        User = 4,
        Execute = 8,
        SupervisorWrite = 16,

        // Nothing is left to be set when it is written.
        Dirty = 32,
    }
}
