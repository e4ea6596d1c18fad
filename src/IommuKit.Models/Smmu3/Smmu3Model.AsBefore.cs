using System.Runtime.CompilerServices;
using IommuKit.Models.Caches;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>
/// What is worked out once and kept, under the lock: most walks are of the same tables as the one before, and most pages are as the one before.
/// </content>
public sealed partial class Smmu3Model<TMemory>
{
    private ulong _lastAttributes = ulong.MaxValue;
    private ulong _lastLimits;
    private ulong _lastTypes;
    private ulong _lastRights;
    private Smmu3StageFlags _lastFlags;
    private ulong _lastProtected;
    private ulong _lastProtections = (uint)Smmu3Rights.ProtectionOf(0, isPrivileged: false)
        | ((ulong)Smmu3Rights.ProtectionOf(0, isPrivileged: true) << PrivilegedProtectionShift);

    // Most walks are of the same tables as the one before.
    private Smmu3StreamEntry _lastStream;
    private SecondStage _lastSecond;
    private Smmu3ContextDescriptor _lastContext;
    private bool _isLastUpper;
    private bool _isLastOneRange;
    private Smmu3Stage _lastFirst;

    private bool SecondOf(in Smmu3StreamEntry stream, out SecondStage second)
    {
        if (!_lastStream.Equals(stream))
        {
            bool isPossible = Smmu3Stage.TryCreate(_unit, stream, out var tables);
            second = new SecondStage(tables, HardwareCache.Valid | SecondKind | stream.Vmid, stream.ProtectsWalks);
            if (!isPossible)
            {
                return false;
            }

            _lastStream = stream;
            _lastSecond = second;
        }

        second = _lastSecond;
        return true;
    }

    private bool FirstOf(in Smmu3ContextDescriptor context, bool isUpper, bool isOneRange, out Smmu3Stage stage)
    {
        if (_isLastUpper != isUpper || _isLastOneRange != isOneRange || !_lastContext.Equals(context))
        {
            if (!Smmu3Stage.TryCreate(_unit, context, isUpper, isOneRange, out stage))
            {
                return false;
            }

            (_lastContext, _isLastUpper, _isLastOneRange, _lastFirst) = (context, isUpper, isOneRange, stage);
        }

        stage = _lastFirst;
        return true;
    }

    /// <summary>The rights of a descriptor of stage 1. Nearly all pages are as the one before, so that they are found out once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong RightsOf(ulong value, ulong limits, in Smmu3Stage stage, ulong memoryTypes)
    {
        value &= Smmu3Descriptor.RightsMask;
        if (_lastAttributes != value || _lastLimits != limits || _lastFlags != stage.Flags || _lastTypes != memoryTypes)
        {
            _lastRights = Smmu3Descriptor.FirstRights(value, limits, stage, memoryTypes);
            (_lastAttributes, _lastLimits, _lastFlags, _lastTypes) = (value, limits, stage.Flags, memoryTypes);
        }

        return _lastRights;
    }

    /// <summary>What unprivileged and privileged transactions may do, for a hit.</summary>
    private ulong ProtectionsOf(ulong rights)
    {
        if (rights != _lastProtected)
        {
            _lastProtected = rights;
            _lastProtections = (uint)Smmu3Rights.ProtectionOf(rights, isPrivileged: false)
                | ((ulong)Smmu3Rights.ProtectionOf(rights, isPrivileged: true) << PrivilegedProtectionShift);
        }

        return _lastProtections;
    }

    /// <summary>Stage 2 of a stream.</summary>
    /// <param name="Tables">Its tables.</param>
    /// <param name="Tag">The space of its translations in the caches.</param>
    /// <param name="ProtectsWalks">S2PTW.</param>
    private readonly record struct SecondStage(Smmu3Stage Tables, ulong Tag, bool ProtectsWalks);
}
