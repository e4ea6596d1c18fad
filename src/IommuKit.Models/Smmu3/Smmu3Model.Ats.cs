using IommuKit.Models.Caches;
using IommuKit.Models.Dma;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>Translation requests of devices, and transactions that devices have translated (IHI 0070, section 3.9).</content>
public sealed partial class Smmu3Model<TMemory>
{
    private const int SplitStage = 2;

    /// <summary>EATS as it counts: only the full kind may do without a check of translated transactions.</summary>
    private int EffectiveAts(in Smmu3StreamEntry stream) => !_unit.HasAts ? 0 : stream.Ats switch
    {
        1 => 1,
        SplitStage => IsOn(Smmu3Register.Control.CheckTranslated) ? SplitStage : 0,
        _ => 0,
    };

    private bool RecordsAtsErrors => (_control2 & Smmu3Register.Control2Bits.RecordsAtsErrors) != 0;

    /// <summary>A translation request. Under the lock.</summary>
    private Smmu3Translation AnswerDevice(in Smmu3Request asked)
    {
        // Without a PASID, a request says neither that it is privileged nor that it will execute (section 13.7).
        var request = asked.HasSubstream ? asked : asked with { Access = asked.Access & (Smmu3Access.Read | Smmu3Access.Write) };
        if (!IsOn(Smmu3Register.Control.Enable))
        {
            return Unsupported(request, default);
        }

        var scope = new Scope(_drops);
        var status = FindStream(request.StreamId, mayRead: true, scope, out var stream);
        if (status != Smmu3EventType.None)
        {
            return ConfigurationError(status, request, default);
        }

        if (stream.Config < Smmu3StreamEntry.Bypass)
        {
            _stopped++;
            return Aborted;
        }

        int ats = EffectiveAts(stream);
        if (stream.Config == Smmu3StreamEntry.Bypass || ats == 0)
        {
            return Unsupported(request, stream);
        }

        status = FindPath(request, stream, mayRead: true, scope, out var path);

        // Nothing is needed: the device is told what it may do.
        path = path with { Access = path.Access & Smmu3Access.Privileged };
        if (status == Smmu3EventType.None && !path.HasFirst && !path.HasSecond)
        {
            var identity = Identity(request.Address);
            return identity.Outcome == Smmu3Outcome.Allowed
                ? identity with { Range = identity.Range with { Rights = identity.Range.Rights | Protection.NoExecute } }
                : Nothing(request, Smmu3EventType.AddressSize);
        }

        Page page = default;
        bool isHit = status == Smmu3EventType.None
            && TryFindPage(path.Address, path.Tag, out page)
            && !(path.IsWrite && (page.Rights & Smmu3Rights.Clean) != 0);
        if (status == Smmu3EventType.None && !isHit)
        {
            status = Walk(path, out page);
        }

        return status switch
        {
            // By split stage the device is told the IPA, and all else by both stages (section 13.6.3).
            Smmu3EventType.None => Granted(request, ats == SplitStage ? page with { Address = page.Ipa } : page, path),
            Smmu3EventType.Translation or Smmu3EventType.AccessFlag or Smmu3EventType.AddressSize or Smmu3EventType.Permission
                => Nothing(request, status),
            _ => ConfigurationError(status, request, path),
        };
    }

    /// <summary>
    /// What a device is told of a page (section 13.7.1): no right to execute that it does not ask for, nor one to execute without one to read.
    /// </summary>
    private static Smmu3Translation Granted(in Smmu3Request request, in Page page, in Path path)
    {
        int instruction = path.Stream.InstructionOverride;
        var rights = Smmu3Rights.ProtectionOf(page.Rights, path.IsPrivileged);
        bool mayExecute = (rights & Protection.NoExecute) == 0;
        bool mayRead = instruction == Smmu3Rights.AsInstruction ? mayExecute : (rights & Protection.Read) != 0;
        bool isTold = (request.Access & Smmu3Access.Execute) != 0
            && mayRead
            && (mayExecute || instruction == Smmu3Rights.AsData);
        rights = (rights & ~(Protection.Read | Protection.NoExecute))
            | (mayRead ? Protection.Read : 0)
            | (isTold ? 0 : Protection.NoExecute);
        return (rights & (Protection.Read | Protection.Write)) == 0
            ? Nothing(request, Smmu3EventType.Permission)
            : new Smmu3Translation(Smmu3Outcome.Allowed, RangeOf(request.Address, page, path.IsPrivileged) with { Rights = rights });
    }

    /// <summary>A transaction that the device has translated. Under the lock.</summary>
    private Smmu3Translation PassTranslated(in Smmu3Request request)
    {
        if (!IsOn(Smmu3Register.Control.Enable))
        {
            // Nothing has been translated for it (section 3.9.1.3).
            TryStop(Smmu3EventType.TranslatedForbidden, request, default, hasLock: true, out var disabled);
            return disabled;
        }

        if (!IsOn(Smmu3Register.Control.CheckTranslated))
        {
            return Identity(request.Address);
        }

        var scope = new Scope(_drops);
        var status = FindStream(request.StreamId, mayRead: true, scope, out var stream);

        // Of what it is, without IDR3.PASIDTT only whether it writes is told (section 13.7).
        var access = Override(request.IsWrite ? request.Access & (Smmu3Access.Read | Smmu3Access.Write) : Smmu3Access.Read, stream);
        var path = new Path(stream, default, false, HasSecond: true, request.Address, 0, access, request.IsWrite, false, scope);
        if (status != Smmu3EventType.None)
        {
            _stopped++;
            if (RecordsAtsErrors)
            {
                Record(RecordOf(status, request, path), mayMerge: false);
            }

            return new Smmu3Translation(Smmu3Outcome.Abort, Translation.Fault, status);
        }

        if (stream.Config < Smmu3StreamEntry.Bypass)
        {
            _stopped++;
            return Aborted;
        }

        int ats = EffectiveAts(stream);
        if (stream.Config == Smmu3StreamEntry.Bypass || ats == 0)
        {
            TryStop(Smmu3EventType.TranslatedForbidden, request, path, hasLock: true, out var forbidden);
            return forbidden;
        }

        if (ats != SplitStage)
        {
            return Identity(request.Address);
        }

        if (IsTooWide(request.Address))
        {
            return Aborted;
        }

        path = path with { Tag = HardwareCache.Valid | SecondKind | stream.Vmid };
        TryTranslatePage(request, path, mayWalk: true, out var answer);
        return answer;
    }

    private Smmu3Translation Unsupported(in Smmu3Request request, in Smmu3StreamEntry stream)
    {
        _stopped++;
        const int read = 31;
        const int write = 30;
        const int execute = 29;
        const int privileged = 28;
        ulong first = RecordOf(Smmu3EventType.BadTranslationRequest, request, default).W0;
        var asked = request.Access;
        ulong flags = Flag(Smmu3Access.Read, read) | Flag(Smmu3Access.Write, write) | Flag(Smmu3Access.Execute, execute)
            | Flag(Smmu3Access.Privileged, privileged);
        Record(new Smmu3Event(first, flags, request.Address & ~0xffful, 0), stream.MergesEvents);
        return new Smmu3Translation(Smmu3Outcome.Abort, Translation.Fault, Smmu3EventType.BadTranslationRequest);

        ulong Flag(Smmu3Access access, int bit) => (asked & access) != 0 ? 1ul << bit : 0;
    }

    /// <summary>The device is told that nothing is allowed there, and may request the page.</summary>
    private static Smmu3Translation Nothing(in Smmu3Request request, Smmu3EventType status) => new(
        Smmu3Outcome.Allowed, new Translation(IsAllowed: true, request.Address & ~0xffful, 0x1000, 0, Protection.None), status);

    private Smmu3Translation ConfigurationError(Smmu3EventType status, in Smmu3Request request, in Path path)
    {
        _stopped++;
        RecordAtsError(status, request, path);
        return new Smmu3Translation(Smmu3Outcome.CompleterAbort, Translation.Fault, status);
    }

    /// <summary>Records an error of the configuration that a request of a device met, if software wants to know of these.</summary>
    private void RecordAtsError(Smmu3EventType status, in Smmu3Request request, in Path path)
    {
        bool isWanted = status != Smmu3EventType.BadStreamId || (_control2 & Smmu3Register.Control2Bits.RecordsBadStream) != 0;
        if (RecordsAtsErrors && isWanted)
        {
            Record(RecordOf(status, request, path), path.Stream.MergesEvents);
        }
    }
}
