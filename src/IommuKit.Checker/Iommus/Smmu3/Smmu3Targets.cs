using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Drivers.Smmu3;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>Machines with an SMMUv3 as the checker knows them: one stage, granules of 4 KiB.</summary>
internal static class Smmu3Targets
{
    // What two domains can get, and 0, which is nobody's.
    private const int Spaces = 6;
    private const int VirtualBits = 48;
    private const ulong PageBytes = 4096;
    private const ulong BlockBytes = 2 << 20;

    // So that the root is as large as other tables: the checker divides table memory into pieces of the smallest.
    private const int SecondStageBits = 39;

    // The fewest that take two commands and begin with a small one: 3, and 32.
    private const int RunPages = 35;

    // Without it a table that goes is a command for each of its 512 pages, and one of the level above 2^18: every run of pages is below.
    private const int AddressSpaceThreshold = 64;

    // Larger than all IOVAs: by ASID or VMID.
    private const ulong Everything = 1ul << 62;

    // By ranges as many pages as one likes; otherwise one, or everything.
    private static readonly ulong[] AnyRange = [];
    private static readonly ulong[] PageByPage = [PageBytes, Everything];

    private static readonly RangeLayout Runs = new(PageBytes, BlockBytes, runPages: RunPages);

    private static readonly IommuKind SecondStage = Kind("smmuv3-s2") with
    {
        Create = settings => Smmu3Machine.Create(
            Smmu3Unit.Emulated with { Name = "smmuv3-s2" },
            settings,
            driverOptions: new Smmu3DriverOptions { Stage = Smmu3Stage.Stage2, InputBits = SecondStageBits, HasRangeFlush = settings.HasRangeFlush }),
    };

    /// <summary>One of each kind that differs to the checker, and one whose driver is tuned.</summary>
    public static IEnumerable<CheckTarget> All
    {
        get
        {
            var ranges = Of<ArmLpae<ArmGranule4K, ArmStage1>>(
                Kind("smmuv3"), VirtualBits, isCoherent: true, AnyRange, "walks snoop, invalidates ranges") with
            {
                Layout = Runs,
                Bugs = [.. Smmu3Bugs.OfCommands, .. Smmu3Bugs.OfTables, .. Smmu3Bugs.OfRanges, .. Smmu3Bugs.OfContexts],
            };
            return
            [
                ranges,
                Of<ArmLpae<ArmGranule4K, ArmStage2>>(SecondStage, SecondStageBits, isCoherent: true, AnyRange, "the same at stage 2") with
                {
                    Layout = Runs,
                    Bugs = [.. Smmu3Bugs.OfCommands, .. Smmu3Bugs.OfTables, .. Smmu3Bugs.OfRanges],
                },
                Of<ArmLpae<ArmGranule4K, ArmStage1>>(
                    Kind("smmuv3-nc"), VirtualBits, isCoherent: false, PageByPage, "walks do not snoop, and a command is for one page") with
                {
                    Tuning = TuningValues.None.With(Smmu3Tuning.Threshold, AddressSpaceThreshold),
                    Bugs = [.. Smmu3Bugs.OfCommands, .. Smmu3Bugs.OfContexts],
                },
                ranges.Tuned(PageBytes, BlockBytes) with
                {
                    Tuning = TuningValues.None.With(Smmu3Tuning.Ranges, (int)Smmu3RangeEncoding.Covering),
                    Bugs = [.. Smmu3Bugs.OfCommands, .. Smmu3Bugs.OfBlocks],
                },
            ];
        }
    }

    private static IommuKind Kind(string name) => Smmu3Kinds.All.Single(kind => kind.Name == name);

    private static CheckTarget Of<TFormat>(IommuKind kind, int inputBits, bool isCoherent, IReadOnlyList<ulong> dropSizes, string description)
        where TFormat : struct, IPageTableFormat =>
        CheckTarget.Of<TFormat>(
            $"register-level model; {description}",
            new MachinePlan(
                kind,
                new ShadowTraits
                {
                    HasCoherentWalk = isCoherent,
                    CachesInvalidEntries = false,
                    HasWalkCache = true,
                    HasPostedCommands = true,
                    DropSizes = dropSizes,
                },
                (machine, devices) => new Smmu3Decoder(
                    (Smmu3Machine)machine, devices.Select(device => ((Smmu3StreamDevice)device).StreamId)))
            {
                Spaces = Spaces,

                // Devices fault here between any two accesses of the driver. Handling that is accesses too, each followed by more faults, and would
                // never end: events stay in their queue.
                Settle = (machine, _, _) => ((Smmu3Machine)machine).Model!.InterruptRaised = null,
            },
            inputBits) with
        {
            IsDefault = true,
            IsDefaultAtEnds = true,
        };
}
