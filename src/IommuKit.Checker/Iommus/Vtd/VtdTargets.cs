using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Drivers.Vtd;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>Machines with VT-d as the checker knows them.</summary>
internal static class VtdTargets
{
    private const ulong PageBytes = 4096;
    private const ulong LargePageBytes = 2 << 20;

    // The root table and the context table of one bus are where page tables are.
    private const ulong StructureBytes = 2 * PageBytes;
    private const ulong MostTables = 64 * PageBytes;

    // What two domains can get, beside the ids that are taken.
    private const int Spaces = 6;

    /// <summary>One of each kind that differs to the checker, and one whose driver is tuned.</summary>
    public static IEnumerable<CheckTarget> All =>
    [
        Of("vtd-client", VtdUnit.Client39, "walks snoop, pointers to tables are remembered, a wait tells of the end"),
        Of("vtd-client-nc", VtdUnit.ClientNonCoherent, "walks do not snoop, and stores go through a write buffer"),
        Of("vtd-guest", VtdUnit.EmulatedCachingMode, "caching mode: what is not present is remembered too, and walks do not snoop"),
        Of("vtd-server", VtdUnit.Server48, "as vtd-client, with a wider IOVA") with { IsDefault = false, IsDefaultAtEnds = false },
        Of("vtd-client", VtdUnit.Client39, "walks snoop").Tuned(PageBytes, LargePageBytes) with
        {
            IsDefault = false,
            Tuning = TuningValues.None.With(VtdTuning.Blocks, 1).With(VtdTuning.DomainThreshold, 32),
        },
    ];

    private static CheckTarget Of(string name, VtdUnit unit, string description)
    {
        int inputBits = unit.Capability.MaxGuestWidth;
        bool hasCachingMode = unit.Capability.CachingMode;
        var target = CheckTarget.Of<VtdSecondStageFormat>(
            $"register-level model; {description}",
            new MachinePlan(
                VtdKinds.All.Single(kind => kind.Name == name),
                new ShadowTraits
                {
                    HasCoherentWalk = unit.ExtendedCapability.IsCoherent,
                    CachesInvalidEntries = hasCachingMode,
                    CachesAbsentRoutes = hasCachingMode,
                    HasWalkCache = true,
                    HasPostedCommands = true,
                    DropSizes = [.. Enumerable.Range(0, unit.Capability.MaxAddressMask + 1).Select(log2 => PageBytes << log2), 1ul << 62],
                },
                (machine, devices) => new VtdDecoder(
                    (VtdMachine)machine, devices.Select(device => ((VtdDevice)device).SourceId)))
            {
                Spaces = Spaces,
            },
            inputBits);
        return target with
        {
            IsDefault = true,
            IsDefaultAtEnds = true,
            Bugs = VtdBugs.All,
            PoolBytes = target.PoolBytes + StructureBytes,
            PoolBytesAtEnds = Math.Min(target.PoolBytesAtEnds + StructureBytes, MostTables),
        };
    }
}
