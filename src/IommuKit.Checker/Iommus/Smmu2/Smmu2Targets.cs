using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Drivers.Smmu2;
using IommuKit.Lab.Iommus.Smmu2;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Checker.Iommus.Smmu2;

/// <summary>Machines with an SMMUv1 or SMMUv2 as the checker knows them: one stage, granules of 4 KiB.</summary>
internal static class Smmu2Targets
{
    // What two domains can get, and 0, which is nobody's at stage 2.
    private const int Spaces = 4;
    private const int VirtualBits = 48;
    private const int ShortBits = 32;
    private const ulong PageBytes = 4096;
    private const ulong ShortPoolBytes = 64 << 10;

    // So that the root is as large as other tables: the checker divides table memory into pieces of the smallest.
    private const int SecondStageBits = 39;

    // Without it a table that goes is an invalidation for each of its pages, and one of the level above 2^18: every run of pages is below.
    private const int AddressSpaceThreshold = 64;

    // Larger than all IOVAs: by ASID or VMID.
    private const ulong Everything = 1ul << 62;

    private static readonly IommuKind SecondStage = Kind("smmuv2-s2") with
    {
        Create = settings => Smmu2Machine.Create(
            Smmu2Unit.Mmu500 with { Name = "smmuv2-s2", Idr0 = Smmu2Unit.Mmu500.Idr0 | (1 << 14) },
            settings,
            driverOptions: new Smmu2DriverOptions { Stage = Smmu2Stage.Stage2, InputBits = SecondStageBits }),
    };

    /// <summary>One of each kind.</summary>
    public static IEnumerable<CheckTarget> All
    {
        get
        {
            var tuning = TuningValues.None.With(Smmu2Tuning.Threshold, AddressSpaceThreshold);
            return
            [
                Of<ArmLpae<ArmGranule4K, ArmStage1>>(Kind("smmuv2"), VirtualBits, isCoherent: true, "walks snoop") with
                {
                    Tuning = tuning,
                    Bugs = [.. Smmu2Bugs.OfAll, .. Smmu2Bugs.OfAsids, .. Smmu2Bugs.OfTables],
                },
                Of<ArmLpae<ArmGranule4K, ArmStage1>>(Kind("smmuv2-nc"), VirtualBits, isCoherent: false, "walks do not snoop") with
                {
                    Tuning = tuning,
                    Bugs = [.. Smmu2Bugs.OfAll, .. Smmu2Bugs.OfAsids, .. Smmu2Bugs.OfTables],
                },
                Of<ArmLpae<ArmGranule4K, ArmStage2>>(SecondStage, SecondStageBits, isCoherent: true, "stage 2, walks snoop") with
                {
                    Tuning = tuning,
                    Bugs = [.. Smmu2Bugs.OfAll, .. Smmu2Bugs.OfVmids],
                },
                Of<ArmShortFormat>(Kind("smmuv1-v7s"), ShortBits, isCoherent: true, "short descriptors, no invalidation of leaves alone") with
                {
                    Tuning = tuning,
                    Bugs = [.. Smmu2Bugs.OfAll, .. Smmu2Bugs.OfShortAsids, .. Smmu2Bugs.OfShortTables],

                    // Two roots of 16 KiB, and tables of 1 KiB.
                    PoolBytes = ShortPoolBytes,
                    PoolBytesAtEnds = ShortPoolBytes,
                },
            ];
        }
    }

    private static IommuKind Kind(string name) => Smmu2Kinds.All.Single(kind => kind.Name == name);

    private static CheckTarget Of<TFormat>(IommuKind kind, int inputBits, bool isCoherent, string description)
        where TFormat : struct, IPageTableFormat =>
        CheckTarget.Of<TFormat>(
            $"register-level model; {description}, and an invalidation is for one page",
            new MachinePlan(
                kind,
                new ShadowTraits
                {
                    HasCoherentWalk = isCoherent,
                    CachesInvalidEntries = false,
                    HasWalkCache = true,
                    HasPostedCommands = true,
                    DropSizes = [PageBytes, Everything],
                },
                (machine, devices) => MakeDecoder((Smmu2Machine)machine, devices))
            {
                Spaces = Spaces,

                // Devices fault here between any two accesses of the driver. Handling that is accesses too, each followed by more faults, and would
                // never end: faults stay in their registers.
                Settle = (machine, _, _) => ((Smmu2Machine)machine).Model!.InterruptChanged = null,
            },
            inputBits) with
        {
            IsDefault = true,
            IsDefaultAtEnds = true,
            WritesPerWait = 1,
        };

    private static Smmu2Decoder MakeDecoder(Smmu2Machine machine, IReadOnlyList<IommuDevice> devices)
    {
        var model = machine.Model!;
        return new Smmu2Decoder(model.Unit, devices.Select(device => GroupOf(((Smmu2StreamDevice)device).StreamId)));

        int GroupOf(uint stream) => Enumerable.Range(0, model.Unit.StreamCount).First(group =>
        {
            var match = new Smmu2StreamMatch(model.Read32(Smmu2Global.StreamMatch + ((uint)group * sizeof(uint))));
            return (match.Value & Smmu2StreamMatch.Valid) != 0 && match.Matches(stream, isWide: false);
        });
    }
}
