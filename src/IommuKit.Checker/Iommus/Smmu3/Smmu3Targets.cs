using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Drivers.Smmu3;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Specs.Arm;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>Machines with an SMMUv3 as the checker knows them: stage 1, granules of 4 KiB.</summary>
internal static class Smmu3Targets
{
    // What two domains can get, and 0, which is nobody's.
    private const int Spaces = 6;
    private const int InputBits = 48;

    /// <summary>With walks that snoop and with walks that do not.</summary>
    public static IEnumerable<CheckTarget> All =>
    [
        Of("smmuv3", isCoherent: true, "walks snoop, pointers to tables are remembered, a CMD_SYNC tells of the end"),
        Of("smmuv3-nc", isCoherent: false, "walks do not snoop, and there is no command for a range"),
    ];

    private static CheckTarget Of(string name, bool isCoherent, string description)
    {
        var target = CheckTarget.Of<ArmLpae<ArmGranule4K, ArmStage1>>(
            $"register-level model; {description}",
            new MachinePlan(
                Smmu3Kinds.All.Single(kind => kind.Name == name),
                new ShadowTraits
                {
                    HasCoherentWalk = isCoherent,
                    CachesInvalidEntries = false,
                    HasWalkCache = true,
                    HasPostedCommands = true,
                },
                (machine, devices) => new Smmu3Decoder(
                    (Smmu3Machine)machine, devices.Select(device => ((Smmu3StreamDevice)device).StreamId)))
            {
                Spaces = Spaces,
            },
            InputBits);
        return target with
        {
            IsDefault = true,
            IsDefaultAtEnds = true,
            Bugs = Smmu3Bugs.All,
        };
    }
}
