using System.Runtime.CompilerServices;
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
            && _isEnabled;
        if (!isAsBefore)
        {
            answer = default;
            return false;
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

        answer = new Smmu3Translation(Smmu3Outcome.Allowed, RangeOf(request.Address, page, path.IsPrivileged));
        return true;
    }

    /// <summary>Keeps the path of a transaction, if the same one leads to all addresses of its range.</summary>
    private void Remember(in Smmu3Request request, in Path path)
    {
        bool isSame = path.HasFirst
            ? !path.Context.IgnoresTopByte(isUpper: false) && !path.Context.IgnoresTopByte(isUpper: true)
            : path.HasSecond && (path.Stream.Config & 1) == 0;
        (_lastKey, _lastAccess, _lastDrops) = (ShortcutKey(request), request.Access, isSame ? _drops : NoDrops);
        if (isSame)
        {
            _lastPath = path;
        }
    }
}
