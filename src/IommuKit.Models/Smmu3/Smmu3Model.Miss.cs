using System.Runtime.CompilerServices;
using IommuKit.Models.Dma;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>The short way of a miss: most are of the stream of the one before.</content>
public sealed partial class Smmu3Model<TMemory>
{
    // Bit 55 of an address says which range it is in.
    private const ulong UpperRange = 1ul << 55;
    private const long NoDrops = -1;

    // Most transactions are of the stream of the one before: how that was translated, and until when it holds. Under the lock.
    private Path _lastPath;
    private Smmu3Stage _lastPathTables;
    private bool _hasLastPathTables;
    private ulong _lastKey;
    private Smmu3Access _lastAccess;
    private long _lastDrops = NoDrops;

    /// <summary>Walks for a transaction that has a shortcut and no page, if its path is the one of the transaction before.</summary>
    [SkipLocalsInit]
    private bool TryMiss(in Smmu3Request request, out Smmu3Translation answer)
    {
        bool isAsBefore = _lastDrops == _drops
            && _lastKey == ShortcutKey(request)
            && _lastAccess == request.Access
            && ((_lastPath.Address ^ request.Address) & UpperRange) == 0
            && (_lastPath.HasFirst || !IsTooWide(request.Address))
            && _isEnabled;
        if (!isAsBefore)
        {
            answer = default;
            return false;
        }

        if (_hasLastPathTables && TryReadUsualPage(request, out answer))
        {
            return true;
        }

        // A copy: memory may call back, and another transaction come between.
        var path = _lastPath;
        path.Address = request.Address;
        path.IsWrite = request.IsWrite;
        var status = Walk(path, out var page);
        if (status == Smmu3EventType.None)
        {
            status = CheckRights(path, page, mayRecord: true);
        }

        if (status != Smmu3EventType.None)
        {
            return TryStop(status, request, path, hasLock: true, out answer);
        }

        bool isUsual = !_hasLastPathTables && path.HasFirst && !path.HasSecond && _lastDrops == _drops && _lastKey == ShortcutKey(request);
        if (isUsual && FirstOf(path.Context, path.IsUpper, (path.Tag & KindMask) == HypervisorKind, out var tables))
        {
            (_lastPathTables, _hasLastPathTables) = (tables, true);
        }

        answer = new Smmu3Translation(Smmu3Outcome.Allowed, RangeOf(request.Address, page, path.IsPrivileged));
        return true;
    }

    /// <summary>
    /// The usual page, of stage 1 alone: its table is cached, and what its descriptor says of rights is what the one before said. Whatever is not plain
    /// is left to the walk, which reads the descriptor again.
    /// </summary>
    private bool TryReadUsualPage(in Smmu3Request request, out Smmu3Translation answer)
    {
        answer = default;

        // Copies, too.
        var tables = _lastPathTables;
        ulong address = request.Address;
        ulong tag = _lastPath.Tag;
        ulong types = _lastPath.Context.MemoryTypes;
        var access = _lastPath.Access;
        var scope = new Scope(_drops);
        bool isWithin = address >> tables.InputBits == (_lastPath.IsUpper ? ulong.MaxValue >> tables.InputBits : 0);
        int shift = tables.ShiftOf(Smmu3Stage.LastLevel - 1);
        ref readonly var table = ref _tables.Find(address >> shift, tag | ClassOf(shift), LookUpMask);
        if (!isWithin || table.Space == 0 || tables.StartLevel == Smmu3Stage.LastLevel)
        {
            return false;
        }

        ulong limits = table.B;
        bool isRead = TryReadEntry(table.A + tables.EntryOffset(address, Smmu3Stage.LastLevel), tables, out ulong value);
        const ulong plain = ArmLpaeDescriptor.Valid | ArmLpaeDescriptor.TableOrPage | ArmLpaeDescriptor.AccessFlag;
        ulong rights = _lastRights;
        ulong output = tables.AddressOf(value, tables.Granule);
        bool isUsual = isRead
            && (value & plain) == plain
            && (value & Smmu3Descriptor.RightsMask) == _lastAttributes
            && limits == _lastLimits
            && tables.Flags == _lastFlags
            && types == _lastTypes
            && output >> tables.OutputBits == 0
            && (Smmu3Rights.NeededOfFirst(access) & ~rights) == 0
            && (!request.IsWrite || (rights & Smmu3Rights.Clean1) == 0);
        if (!isUsual)
        {
            // The walk counts it.
            _entriesRead--;
            return false;
        }

        _misses++;
        var page = new Page(output, output, rights | Smmu3Rights.Stage2All, tables.Granule);
        AddPage(address, tag, page, tables.Granule, Smmu3Stage.LastLevel, isGlobal: (value & ArmLpaeDescriptor.NotGlobal) == 0, origin: 0, scope);
        ulong protections = ProtectionsOf(page.Rights);
        ulong bytes = 1ul << tables.Granule;
        answer = new Smmu3Translation(
            Smmu3Outcome.Allowed,
            new Translation(
                IsAllowed: true,
                address & ~(bytes - 1),
                bytes,
                output,
                (Protection)(uint)((access & Smmu3Access.Privileged) != 0 ? protections >> PrivilegedProtectionShift : protections)));
        return true;
    }

    /// <summary>Keeps the path of a transaction, if the same one leads to all addresses of its range.</summary>
    private void Remember(in Smmu3Request request, in Path path)
    {
        bool isSame = path.HasFirst
            ? !path.Context.IgnoresTopByte(isUpper: false) && !path.Context.IgnoresTopByte(isUpper: true)
            : path.HasSecond && (path.Stream.Config & 1) == 0;
        (_lastKey, _lastAccess, _lastDrops) = (ShortcutKey(request), request.Access, isSame ? _drops : NoDrops);
        _hasLastPathTables = false;
        if (isSame)
        {
            _lastPath = path;
        }
    }
}
