using System.Runtime.CompilerServices;
using IommuKit.Models.Dma;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <content>Translation.</content>
public sealed partial class Smmu2Model<TMemory>
{
    private static Smmu2Translation Aborted => new(Smmu2Outcome.Abort, Translation.Fault);

    /// <summary>Translates a transaction. A secure one is aborted: the secure interface is not there.</summary>
    /// <inheritdoc/>
    public Translation Translate(in DmaRequest request)
    {
        if (request.IsSecure)
        {
            return Translation.Fault;
        }

        var access = (request.IsWrite ? Smmu2Access.Write : Smmu2Access.Read) | (request.IsPrivileged ? Smmu2Access.Privileged : 0);
        return Translate(new Smmu2Request((uint)request.Source, request.Iova, access)).Range;
    }

    /// <summary>
    /// Translates a transaction, or records a fault as the hardware does. The answer holds as long as the access is under way: see
    /// <see cref="Accesses"/>.
    /// </summary>
    public Smmu2Translation Translate(in Smmu2Request request)
    {
        if (TryHit(request, out var answer))
        {
            return answer;
        }

        lock (_gate)
        {
            answer = TranslateLocked(request);
        }

        TellIfDue();
        return answer;
    }

    /// <summary>Nothing is recorded: an SMMU does not learn what became of a transaction that it let through.</summary>
    /// <inheritdoc/>
    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress)
    {
    }

    /// <summary>Translates by the IOTLB alone, without a lock.</summary>
    private bool TryHit(in Smmu2Request request, out Smmu2Translation answer)
    {
        answer = default;
        if (Volatile.Read(ref _holdCount) != 0
            || !Volatile.Read(ref _routes).TryFind(request.StreamId, out var route)
            || route.Kind == Smmu2RouteKind.Fault)
        {
            return false;
        }

        if (route.Kind == Smmu2RouteKind.Bypass)
        {
            answer = Identity(request.Address);
            return true;
        }

        var path = route.Path!;
        var access = route.Override(request.Access);
        if (!TryPrepare(path, request.Address, isOfRegisters: false, out ulong input, out _)
            || !TryFindPage(input, path.Tag, out var page)
            || !Allows(page.Rights, access))
        {
            return false;
        }

        _hits.Add();
        answer = new Smmu2Translation(Smmu2Outcome.Allowed, RangeOf(request.Address, page, (access & Smmu2Access.Privileged) != 0));
        return true;
    }

    private Smmu2Translation TranslateLocked(in Smmu2Request request)
    {
        if (!IsTranslating)
        {
            return Identity(request.Address);
        }

        var route = FindRoute(request.StreamId);
        switch (route.Kind)
        {
            case Smmu2RouteKind.Bypass:
                return Identity(request.Address);
            case Smmu2RouteKind.Fault:
                _stopped++;
                return RecordGlobal(route.Fault, route.IsNested, request);
            default:
                break;
        }

        var path = route.Path!;
        if (_holdCount != 0 && IsHeld(path, out var held))
        {
            _stopped += held.Outcome == Smmu2Outcome.Retry ? 0 : 1;
            return held;
        }

        var access = route.Override(request.Access);
        var fault = Find(path, request.Address, access, endsAtIpa: false, isOfRegisters: false, out var page);
        if (!fault.IsNone)
        {
            _stopped++;
            return Stop(path, request, access, fault);
        }

        return !path.HasFirst && !path.HasSecond
            ? Identity(request.Address, path.PlainBits)
            : new Smmu2Translation(Smmu2Outcome.Allowed, RangeOf(request.Address, page, (access & Smmu2Access.Privileged) != 0));
    }

    /// <summary>Finds what an address translates to, in the IOTLB or by a walk, and whether the access is allowed.</summary>
    private Smmu2Fault Find(Smmu2Path path, ulong address, Smmu2Access access, bool endsAtIpa, bool isOfRegisters, out Smmu2Page page)
    {
        page = default;
        if (path.PlainBits < 64 && address >> path.PlainBits != 0)
        {
            return path.PlainFault with { Ipa = path.PlainFault.IsSecond ? address : 0 };
        }

        if (!path.HasFirst && !path.HasSecond)
        {
            return default;
        }

        if (!TryPrepare(path, address, isOfRegisters, out ulong input, out bool isUpper))
        {
            return path.HasFirst
                ? new Smmu2Fault(Smmu2Bank.Faults.Translation, Level: path.Lower.FirstLevel)
                : new Smmu2Fault(Smmu2Bank.Faults.Translation, IsSecond: true, path.Second.FirstLevel, address);
        }

        long drops = _drops;
        bool isCached = !(endsAtIpa && path.HasSecond);
        if (isCached && TryFindPage(input, path.Tag, out page))
        {
            _hits.Add();
        }
        else
        {
            _misses++;
            var fault = path.HasFirst
                ? WalkFirst(path, input, isUpper, access, endsAtIpa, drops, out page)
                : WalkSecond(path, input, isWalk: false, drops, out page);
            if (!fault.IsNone)
            {
                return fault;
            }
        }

        return Check(path, input, page, access, endsAtIpa);
    }

    private static Smmu2Fault Check(Smmu2Path path, ulong input, in Smmu2Page page, Smmu2Access access, bool endsAtIpa)
    {
        var read = (access & Smmu2Access.Privileged) | Smmu2Access.Read;
        if (path.HasFirst && (Smmu2Rights.NeededOfFirst(access) & ~page.Rights) != 0)
        {
            bool isReadAllowed = (Smmu2Rights.NeededOfFirst(read) & ~page.Rights) == 0;
            return new Smmu2Fault(
                Smmu2Bank.Faults.Permission, Level: (int)(page.Rights >> Smmu2Rights.LevelShift) & 3, IsReadAllowed: isReadAllowed);
        }

        return path.HasSecond && !endsAtIpa && (Smmu2Rights.NeededOfSecond(access) & ~page.Rights) != 0
            ? new Smmu2Fault(
                Smmu2Bank.Faults.Permission,
                IsSecond: true,
                (int)(page.Rights >> Smmu2Rights.SecondLevelShift) & 3,
                page.IpaOf(input),
                IsReadAllowed: (Smmu2Rights.NeededOfSecond(read) & ~page.Rights) == 0)
            : default;
    }

    private static bool TryPrepare(Smmu2Path path, ulong address, bool isOfRegisters, out ulong input, out bool isUpper)
    {
        if (path.HasFirst)
        {
            return path.TryPrepare(address, isOfRegisters, out input, out isUpper);
        }

        input = address;
        isUpper = false;
        return path.HasSecond && address >> path.Second.InputBits == 0 && (path.PlainBits >= 64 || address >> path.PlainBits == 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Allows(ulong rights, Smmu2Access access) =>
        ((Smmu2Rights.NeededOfFirst(access) | Smmu2Rights.NeededOfSecond(access)) & ~rights) == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFindPage(ulong address, ulong tag, out Smmu2Page page)
    {
        for (ulong classes = _pages.Classes; classes != 0; classes &= classes - 1)
        {
            int shift = int.CreateTruncating(ulong.TrailingZeroCount(classes));
            if (_pages.TryFind(address >> shift, tag | Smmu2Tags.ClassOf(shift), Smmu2Tags.LookUpMask, out var entry))
            {
                page = new Smmu2Page(entry.A, entry.B, entry.C, shift);
                return true;
            }
        }

        page = default;
        return false;
    }

    private static Translation RangeOf(ulong address, in Smmu2Page page, bool isPrivileged)
    {
        ulong bytes = 1ul << page.SizeLog2;
        return new Translation(
            IsAllowed: true, address & ~(bytes - 1), bytes, page.Address, Smmu2Rights.ProtectionOf(page.Rights, isPrivileged));
    }

    private bool IsTooWide(ulong address) => address >> _unit.AddressBits != 0;

    /// <summary>What is passed through: every address that there is, without the bits that there are not (IHI 0062, section 1.6.2).</summary>
    /// <param name="address">The address.</param>
    /// <param name="bits">Bits that an address may have.</param>
    private Smmu2Translation Identity(ulong address, int bits = 64)
    {
        ulong bytes = 1ul << Math.Min(bits, _unit.AddressBits);
        return new Smmu2Translation(
            Smmu2Outcome.Allowed, new Translation(IsAllowed: true, address & ~(bytes - 1), bytes, 0, Protection.Read | Protection.Write));
    }
}
