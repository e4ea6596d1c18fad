using System.Runtime.CompilerServices;
using IommuKit.Models.Caches;
using IommuKit.Models.Dma;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>Translation.</content>
public sealed partial class Smmu3Model<TMemory>
{
    /// <summary>Translates a transaction without a substream. A secure one is aborted: the secure interface is not there.</summary>
    /// <inheritdoc/>
    [SkipLocalsInit]
    public Translation Translate(in DmaRequest request)
    {
        if (request.IsSecure)
        {
            return Translation.Fault;
        }

        var access = (request.IsWrite ? Smmu3Access.Write : Smmu3Access.Read) | (request.IsPrivileged ? Smmu3Access.Privileged : 0);
        var transaction = new Smmu3Request((uint)request.Source, request.Iova, access);
        return TryHit(transaction, out var hit, out bool isKnown, out bool isAbsent)
            ? hit.RangeOf(request.Iova)
            : RangeMissed((uint)request.Source, request.Iova, access, isKnown, isAbsent);
    }

    /// <summary>
    /// Translates a transaction, or records an event as the hardware does. The answer holds as long as the access is under way: see
    /// <see cref="Accesses"/>.
    /// </summary>
    [SkipLocalsInit]
    public Smmu3Translation Translate(in Smmu3Request request)
    {
        bool isKnown = false;
        bool isAbsent = false;
        return request.Kind == Smmu3RequestKind.Untranslated && TryHit(request, out var hit, out isKnown, out isAbsent)
            ? new Smmu3Translation(Smmu3Outcome.Allowed, hit.RangeOf(request.Address))
            : TranslateMissed(request, isKnown, isAbsent);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Translation RangeMissed(uint stream, ulong address, Smmu3Access access, bool isKnown, bool isAbsent) =>
        TranslateMissed(new Smmu3Request(stream, address, access), isKnown, isAbsent).Range;

    /// <summary>Translates a transaction for which the short way was not enough.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private Smmu3Translation TranslateMissed(in Smmu3Request request, bool isKnown, bool isAbsent)
    {
        if (request.Kind == Smmu3RequestKind.Untranslated && !isKnown && TryTranslate(request, mayWalk: false, isKnown, out var answer))
        {
            return answer;
        }

        lock (_gate)
        {
            switch (request.Kind)
            {
                case Smmu3RequestKind.TranslationRequest:
                    answer = AnswerDevice(request);
                    break;
                case Smmu3RequestKind.Translated:
                    answer = PassTranslated(request);
                    break;
                default:
                    if (!isAbsent || !TryMiss(request, out answer))
                    {
                        TryTranslate(request, mayWalk: true, isKnown, out answer);
                    }

                    break;
            }
        }

        TellIfDue();
        return answer;
    }

    /// <summary>Nothing is recorded: an SMMU does not learn what became of a transaction that it let through.</summary>
    /// <inheritdoc/>
    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress)
    {
    }

    /// <summary>Translates by the caches alone, or under the lock with all means.</summary>
    /// <param name="request">The transaction.</param>
    /// <param name="mayWalk">Whether the lock is held.</param>
    /// <param name="isKnown">Whether there is a shortcut already.</param>
    /// <param name="answer">The answer.</param>
    /// <returns>False if the lock is needed: to read memory, to set a bit in it, or to record an event.</returns>
    private bool TryTranslate(in Smmu3Request request, bool mayWalk, bool isKnown, out Smmu3Translation answer)
    {
        if (!Volatile.Read(ref _isEnabled))
        {
            answer = Volatile.Read(ref _isAborting) ? Aborted : Identity(request.Address);
            return true;
        }

        var scope = new Scope(_drops);
        var status = FindStream(request.StreamId, mayWalk, scope, out var stream);
        if (status != Smmu3EventType.None)
        {
            return TryStop(status, request, default, mayWalk, out answer);
        }

        if (stream.Config < Smmu3StreamEntry.Bypass)
        {
            answer = Aborted;
            return true;
        }

        status = FindPath(request, stream, mayWalk, scope, out var path);
        if (status != Smmu3EventType.None)
        {
            return TryStop(status, request, path, mayWalk, out answer);
        }

        if (mayWalk && !isKnown && (path.HasFirst || path.HasSecond))
        {
            AddShortcut(request, path);
        }

        if (mayWalk && IsUndisturbed(scope))
        {
            Remember(request, path);
        }

        if (!path.HasFirst && !path.HasSecond)
        {
            answer = Identity(request.Address);
            return answer.Outcome == Smmu3Outcome.Allowed || TryStop(BypassedTooFar(mayWalk), request, path, mayWalk, out answer);
        }

        return TryTranslatePage(request, path, mayWalk, out answer);
    }

    /// <summary>Which stages translate a transaction, and whose.</summary>
    private Smmu3EventType FindPath(in Smmu3Request request, in Smmu3StreamEntry stream, bool mayRead, Scope scope, out Path path)
    {
        bool hasFirst = (stream.Config & 1) != 0;
        bool hasSecond = (stream.Config & 2) != 0;
        uint substream = 0;
        path = new Path(stream, default, false, hasSecond, request.Address, 0, Override(request.Access, stream), request.IsWrite, false, scope);
        if (request.HasSubstream)
        {
            substream = (uint)request.SubstreamId;
            if (!hasFirst || stream.SubstreamBits == 0 || substream >> stream.SubstreamBits != 0)
            {
                return Smmu3EventType.BadSubstreamId;
            }

            if (substream == 0 && stream.DefaultSubstream == 2)
            {
                return Smmu3EventType.StreamDisabled;
            }
        }
        else if (hasFirst && stream.SubstreamBits != 0)
        {
            switch (stream.DefaultSubstream)
            {
                case 1:
                    hasFirst = false;
                    break;
                case 2:
                    break;
                default:
                    return Smmu3EventType.StreamDisabled;
            }
        }

        if (!hasFirst)
        {
            // What passes stage 1 by, or has none, may not have more bits than it could have come out with (section 3.4).
            bool isTooWide = hasSecond && IsTooWide(request.Address);
            path = path with { Tag = HardwareCache.Valid | SecondKind | stream.Vmid };
            return isTooWide ? BypassedTooFar(mayRead) : Smmu3EventType.None;
        }

        var status = FindContext(request.StreamId, substream, stream, mayRead, scope, out var context);
        if (status != Smmu3EventType.None)
        {
            return status;
        }

        ulong kind = KindOf(stream);
        ulong tag = HardwareCache.Valid | kind;
        tag |= kind != HypervisorKind ? (ulong)context.Asid << AsidShift : 0;
        tag |= kind == GuestKind && _unit.HasStage2 ? stream.Vmid : 0u;
        ulong address = request.Address;
        bool isUpper = kind != HypervisorKind && (address >> 55 & 1) != 0;
        if (context.IgnoresTopByte(isUpper))
        {
            address = kind == HypervisorKind ? address & 0x00ff_ffff_ffff_ffff : Canonical(address);
        }

        path = new Path(stream, context, true, hasSecond, address, tag, path.Access, request.IsWrite, isUpper, scope);
        if (context.DisablesUnprivileged(isUpper)
            && _unit.HasUnprivilegedDisable
            && kind != HypervisorKind
            && (path.Access & Smmu3Access.Privileged) == 0)
        {
            return mayRead ? Fail(Smmu3EventType.Translation) : NeedsLock;
        }

        return Smmu3EventType.None;
    }

    private static Smmu3Access Override(Smmu3Access access, in Smmu3StreamEntry stream) =>
        Override(access, stream.PrivilegeOverride, stream.InstructionOverride);

    private static Smmu3Access Override(Smmu3Access access, int privilege, int instruction)
    {
        access = privilege switch
        {
            2 => access & ~Smmu3Access.Privileged,
            3 => access | Smmu3Access.Privileged,
            _ => access,
        };

        // A write is one of data, whatever is said of it.
        return (access & Smmu3Access.Write) != 0 ? access & ~Smmu3Access.Execute : instruction switch
        {
            2 => access & ~Smmu3Access.Execute,
            3 => access | Smmu3Access.Execute,
            _ => access,
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryTranslatePage(in Smmu3Request request, in Path path, bool mayWalk, out Smmu3Translation answer)
    {
        bool isHit = TryFindPage(path.Address, path.Tag, out var page) && !(path.IsWrite && (page.Rights & Smmu3Rights.Clean) != 0);
        var status = Smmu3EventType.None;
        if (!isHit)
        {
            if (!mayWalk)
            {
                answer = default;
                return false;
            }

            status = Walk(path, out page);
        }

        if (status == Smmu3EventType.None)
        {
            status = CheckRights(path, page, mayWalk);
        }

        if (isHit && (status == Smmu3EventType.None || mayWalk))
        {
            _hits.Add();
        }

        if (status != Smmu3EventType.None)
        {
            return TryStop(status, request, path, mayWalk, out answer);
        }

        answer = new Smmu3Translation(Smmu3Outcome.Allowed, RangeOf(request.Address, page, path.IsPrivileged));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Smmu3EventType CheckRights(in Path path, in Page page, bool mayRecord)
    {
        if ((Smmu3Rights.Needed[(int)path.Access & 0xf] & ~page.Rights) == 0)
        {
            return Smmu3EventType.None;
        }

        bool isFirst = (Smmu3Rights.NeededOfFirst(path.Access) & ~page.Rights) != 0;
        return !mayRecord ? NeedsLock
            : isFirst ? Fail(Smmu3EventType.Permission)
            : SecondDenied(path, page);
    }

    private Smmu3EventType SecondDenied(in Path path, in Page page)
    {
        var status = SecondFault(Smmu3EventType.Permission, Smmu3FaultClass.Input, page.IpaOf(path.Address));

        // Of an atomic operation that may write and not read, the record tells the read (section 13.1.1).
        _fault = _fault with { IsReadDenied = path.IsWrite && (page.Rights & Smmu3Rights.SecondWrite) != 0 };
        return status;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFindPage(ulong address, ulong tag, out Page page)
    {
        for (ulong classes = _pages.Classes; classes != 0; classes &= classes - 1)
        {
            int shift = int.CreateTruncating(ulong.TrailingZeroCount(classes));
            if (_pages.TryFind(address >> shift, tag | ClassOf(shift), LookUpMask, out var entry))
            {
                page = new Page(entry.A, entry.B, entry.C, shift);
                return true;
            }
        }

        page = default;
        return false;
    }

    private static Translation RangeOf(ulong address, in Page page, bool isPrivileged)
    {
        ulong bytes = 1ul << page.SizeLog2;
        return new Translation(
            IsAllowed: true, address & ~(bytes - 1), bytes, page.Address, Smmu3Rights.ProtectionOf(page.Rights, isPrivileged));
    }

    private static Smmu3Translation Aborted => new(Smmu3Outcome.Abort, Translation.Fault);

    /// <summary>What is passed through: every address that there is.</summary>
    private Smmu3Translation Identity(ulong address) => IsTooWide(address)
        ? Aborted
        : new Smmu3Translation(
            Smmu3Outcome.Allowed, new Translation(IsAllowed: true, 0, 1ul << _unit.AddressBits, 0, Protection.Read | Protection.Write));

    private Smmu3EventType BypassedTooFar(bool mayRecord)
    {
        if (!mayRecord)
        {
            return NeedsLock;
        }

        _fault = new Fault(IsSecond: false, Smmu3FaultClass.Input, IsBypassed: true);
        return Smmu3EventType.AddressSize;
    }

    /// <summary>Ends a transaction, or lets it stall, and records why, under the lock.</summary>
    private bool TryStop(Smmu3EventType type, in Smmu3Request request, in Path path, bool hasLock, out Smmu3Translation answer)
    {
        if (!hasLock)
        {
            answer = default;
            return false;
        }

        _stopped++;
        answer = Stop(type, request, path);
        return true;
    }

    private Smmu3Translation Stop(Smmu3EventType type, in Smmu3Request request, in Path path)
    {
        if (type == Smmu3EventType.BadStreamId && (_control2 & Smmu3Register.Control2Bits.RecordsBadStream) == 0)
        {
            return new Smmu3Translation(Smmu3Outcome.Abort, Translation.Fault, type);
        }

        var record = RecordOf(type, request, path);
        if (type < Smmu3EventType.Translation || _fault.IsBypassed)
        {
            Record(record, path.Stream.MergesEvents);
            return new Smmu3Translation(Smmu3Outcome.Abort, Translation.Fault, type);
        }

        // A fault of stage 1 or 2 is treated as its owner wants. What stage 2 ends, it aborts.
        if (_fault.IsSecond ? path.Stream.Stalls : path.Context.Stalls)
        {
            return TryStall(request, record, out ushort tag)
                ? new Smmu3Translation(Smmu3Outcome.Stalled, Translation.Fault, type, tag)
                : new Smmu3Translation(Smmu3Outcome.Retry, Translation.Fault, type);
        }

        if (_fault.IsSecond ? path.Stream.Records : path.Context.Records)
        {
            Record(record, path.Stream.MergesEvents);
        }

        bool isAborted = _fault.IsSecond || path.Context.Aborts;
        return new Smmu3Translation(isAborted ? Smmu3Outcome.Abort : Smmu3Outcome.Ignored, Translation.Fault, type);
    }

    private Smmu3Event RecordOf(Smmu3EventType type, in Smmu3Request request, in Path path)
    {
        bool hasSubstream = request.HasSubstream && type != Smmu3EventType.StreamDisabled;
        ulong first = (uint)type
            | ((ulong)request.StreamId << 32)
            | (hasSubstream ? (ulong)((uint)request.SubstreamId & 0xf_ffff) << 12 : 0)
            | (hasSubstream && type != Smmu3EventType.BadSubstreamId ? Smmu3Event.SubstreamValid : 0);
        switch (type)
        {
            case Smmu3EventType.StreamFetch or Smmu3EventType.ContextFetch:
                return new Smmu3Event(first, 0, 0, _fault.Fetch & Smmu3Event.FetchMask);
            case Smmu3EventType.TranslatedForbidden:
                return new Smmu3Event(first, request.IsWrite ? 0 : Smmu3Event.Read, request.Address, 0);
            case Smmu3EventType.WalkAbort or >= Smmu3EventType.Translation:
                break;
            default:
                return new Smmu3Event(first, 0, 0, 0);
        }

        ulong second = ((path.Access & Smmu3Access.Privileged) != 0 ? Smmu3Event.Privileged : 0)
            | ((path.Access & Smmu3Access.Execute) != 0 ? Smmu3Event.Instruction : 0)
            | (request.IsWrite && !_fault.IsReadDenied ? 0 : Smmu3Event.Read)
            | (_fault.IsSecond ? Smmu3Event.Stage2 : 0)
            | (_fault.IsTableRead ? Smmu3Event.TableRead : 0)
            | ((ulong)_fault.Class << Smmu3Event.ClassShift);
        ulong last = type == Smmu3EventType.WalkAbort ? _fault.Fetch & Smmu3Event.FetchMask : _fault.IsSecond ? _fault.Ipa & Smmu3Event.IpaMask : 0;
        return new Smmu3Event(first, second, request.Address, last);
    }

    /// <summary>Whether what was read may be cached: nothing was dropped since the transaction began. Memory may call back in its middle.</summary>
    private bool IsUndisturbed(Scope scope) => scope.Drops == _drops;

    /// <summary>What a transaction may leave behind.</summary>
    /// <param name="Drops">The count of invalidations from before it read anything.</param>
    /// <param name="LeavesNoTrace">Whether it is one by registers that sets nothing in tables, and so caches nothing that would have to be set.</param>
    private readonly record struct Scope(long Drops, bool LeavesNoTrace = false);

    /// <summary>How a transaction is translated.</summary>
    /// <param name="Stream">The stream table entry.</param>
    /// <param name="Context">The context descriptor, if stage 1 is used.</param>
    /// <param name="HasFirst">Whether stage 1 is used.</param>
    /// <param name="HasSecond">Whether stage 2 is used.</param>
    /// <param name="Address">The address, without a top byte that is ignored.</param>
    /// <param name="Tag">The space of its translations in the caches.</param>
    /// <param name="Access">What it needs, after the overrides of the stream. Nothing for a request that is told what is allowed.</param>
    /// <param name="IsWrite">Whether it writes, or is about to.</param>
    /// <param name="IsUpper">Whether TTB1 translates it.</param>
    /// <param name="Scope">What may be left behind.</param>
    /// <param name="EndsAtIpa">Whether stage 2 is only used to reach the tables of stage 1.</param>
    private record struct Path(
        Smmu3StreamEntry Stream,
        Smmu3ContextDescriptor Context,
        bool HasFirst,
        bool HasSecond,
        ulong Address,
        ulong Tag,
        Smmu3Access Access,
        bool IsWrite,
        bool IsUpper,
        Scope Scope,
        bool EndsAtIpa = false)
    {
        // As fields, of which a reader takes what it needs; a property would be copied as a whole first.
        public Smmu3StreamEntry Stream = Stream;
        public Smmu3ContextDescriptor Context = Context;

        /// <summary>Whether rights are those of privileged transactions.</summary>
        public readonly bool IsPrivileged => (Access & Smmu3Access.Privileged) != 0;

        /// <summary>Whether nothing is needed, but a device wants to know what it may do.</summary>
        public readonly bool IsQuestion => (Access & ~Smmu3Access.Privileged) == 0;

        /// <summary>The right of stage 1 without which nothing is marked as written.</summary>
        public readonly ulong WriteRight => Smmu3Rights.NeededOfFirst(Smmu3Access.Write | (Access & Smmu3Access.Privileged));
    }
}
