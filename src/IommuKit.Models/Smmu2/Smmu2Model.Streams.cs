using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <content>Which group a stream is of, and what becomes of it.</content>
public sealed partial class Smmu2Model<TMemory>
{
    private const int NoGroup = -1;
    private const int SeveralGroups = -2;

    // What becomes of streams, as registers say: made new by each write that may change it.
    private Routes _routes;

    private bool IsTranslating => (_control & Smmu2Global.Control.Disable) == 0;

    private bool HasWideStreams => (_control & Smmu2Global.Control.WideStreamIds) != 0;

    private Smmu2PathBuilder Builder => new(_unit, _banks, (_control & Smmu2Global.Control.WideVmids) != 0);

    /// <summary>Registers that say what becomes of streams have changed.</summary>
    private void ChangeRoutes() => Volatile.Write(ref _routes, new Routes(_unit.StreamCount));

    /// <summary>The group of a stream.</summary>
    private int FindGroup(uint stream)
    {
        if (!_unit.HasStreamMatching)
        {
            return stream < (uint)_unit.StreamCount ? (int)stream : NoGroup;
        }

        bool isWide = HasWideStreams;
        int found = NoGroup;
        for (int group = 0; group < _matches.Length; group++)
        {
            var match = new Smmu2StreamMatch(_matches[group]);
            bool isValid = isWide ? (_contexts[group] & Smmu2StreamContext.MatchValid) != 0 : (match.Value & Smmu2StreamMatch.Valid) != 0;
            if (isValid && match.Matches(stream, isWide))
            {
                if (found != NoGroup)
                {
                    return SeveralGroups;
                }

                found = group;
            }
        }

        return found;
    }

    /// <summary>What becomes of a stream, under the lock.</summary>
    private Smmu2Route FindRoute(uint stream)
    {
        var routes = _routes;
        if (routes.TryFind(stream, out var route))
        {
            return route;
        }

        int group = FindGroup(stream);
        if (group >= 0)
        {
            route = routes.Groups[group] ?? MakeRoute(new Smmu2StreamContext(_contexts[group]));
            Volatile.Write(ref routes.Groups[group], route);
            routes.Remember(stream, group);
            return route;
        }

        uint faults = group == NoGroup ? Smmu2Global.Control.UnmatchedFaults : Smmu2Global.Control.ConflictFaults;
        return ((_control | ControlFixed) & faults) == 0 ? s_bypass
            : Faulting(group == NoGroup ? Smmu2Global.Faults.UnmatchedStream : Smmu2Global.Faults.MatchConflict);
    }

    private static readonly Smmu2Route s_bypass = new(Smmu2RouteKind.Bypass, 0, null, 0, 0);

    private static Smmu2Route Faulting(uint fault, bool isNested = false) => new(Smmu2RouteKind.Fault, fault, null, 0, 0, isNested);

    private Smmu2Route MakeRoute(Smmu2StreamContext context)
    {
        switch (context.Type)
        {
            case Smmu2StreamContextType.Translate when context.Bank >= _banks.Length:
                return Faulting(Smmu2Global.Faults.NoSuchBank);
            case Smmu2StreamContextType.Translate:
                var path = Builder.TryBuild(context.Bank, out uint fault);
                return path is null
                    ? Faulting(fault, isNested: true)
                    : new Smmu2Route(Smmu2RouteKind.Translate, 0, path, context.Privilege, context.Instruction);
            case Smmu2StreamContextType.Bypass:
                return s_bypass;
            default:
                return Faulting(Smmu2Global.Faults.InvalidContext);
        }
    }

    /// <summary>What becomes of streams: filled under the lock, read without.</summary>
    private sealed class Routes(int groups)
    {
        private const int Slots = 256;
        private const int GroupBits = 8;
        private const long Known = 1L << 62;

        // Which group a stream is of: one of those that have the same low bits.
        private readonly long[] _known = new long[Slots];

        public readonly Smmu2Route?[] Groups = new Smmu2Route?[groups];

        public bool TryFind(uint stream, out Smmu2Route route)
        {
            long known = Volatile.Read(ref _known[stream % Slots]);
            if ((known & Known) != 0 && (uint)(known >> GroupBits) == stream && Volatile.Read(ref Groups[(byte)known]) is { } found)
            {
                route = found;
                return true;
            }

            route = s_bypass;
            return false;
        }

        public void Remember(uint stream, int group) =>
            Volatile.Write(ref _known[stream % Slots], Known | ((long)stream << GroupBits) | (byte)group);
    }
}
