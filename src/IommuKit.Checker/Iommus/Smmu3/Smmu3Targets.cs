using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Drivers.Smmu3;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Models.Smmu3;
using IommuKit.PageTables;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>Machines with an SMMUv3 as the checker knows them: one stage or a guest's on top, by granule, with PASIDs, and with devices that keep translations.</summary>
internal static class Smmu3Targets
{
    // What two domains can get, and 0, which is nobody's.
    private const int Spaces = 6;
    private const int VirtualBits = 48;
    private const ulong PageBytes = 4096;
    private const ulong BlockBytes = 2 << 20;

    // So that the root is as large as other tables: the checker divides table memory into pieces of the smallest.
    private const int SecondStageBits = 39;
    private const int WholeRoot16K = 47;
    private const int WholeRoot64K = 42;

    // Enough for a table of two levels.
    private const int Pasids = 2048;

    // The fewest that take two commands and begin with a small one: 3, and 32.
    private const int RunPages = 35;

    // Without it a table that goes is a command for each of its 512 pages, and one of the level above 2^18: every run of pages is below.
    private const int AddressSpaceThreshold = 64;

    // Larger than all IOVAs: by ASID or VMID.
    private const ulong Everything = 1ul << 62;

    // By ranges as many pages as one likes; otherwise one, or everything.
    private static readonly ulong[] AnyRange = [];
    private static readonly ulong[] PageByPage = [PageBytes, Everything];

    private static readonly int[] FirstPasids = [1, 2];

    // What every driver can have that invalidates ranges of any length.
    private static readonly PlantedBug[] OfRangeCommands =
        [.. Smmu3Bugs.OfCommands, .. Smmu3Bugs.OfTables, .. Smmu3Bugs.OfRuns, .. Smmu3Bugs.OfRanges];

    private static readonly RangeLayout Runs = new(PageBytes, BlockBytes, runPages: RunPages);

    private static readonly IommuKind SecondStage = Tailored(
        "smmuv3-s2", Smmu3Unit.Emulated, new Smmu3DriverOptions { Stage = Smmu3Stage.Stage2, InputBits = SecondStageBits });

    private static readonly IommuKind Granule16K = Tailored(
        "smmuv3-16k", Smmu3Unit.Emulated, new Smmu3DriverOptions { Stage = Smmu3Stage.Stage1, GranuleLog2 = 14, InputBits = WholeRoot16K });

    private static readonly IommuKind Granule64K = Tailored(
        "smmuv3-64k-s2", Smmu3Unit.Emulated, new Smmu3DriverOptions { Stage = Smmu3Stage.Stage2, GranuleLog2 = 16, InputBits = WholeRoot64K });

    private static readonly IommuKind TwoLevels = Tailored(
        "smmuv3-two-level", Smmu3Unit.Emulated, new Smmu3DriverOptions { MakesStreamTablesLate = true }, [new("02:00.0", 0x200), new("03:00.0", 0x300)]);

    private static readonly IommuKind WithPasids = Tailored(
        "smmuv3-pasid", Smmu3Unit.Full, new Smmu3DriverOptions { Stage = Smmu3Stage.Stage1, GranuleLog2 = 12 }, [new("00:02.0", 0x10, Pasids)]);

    // A device at work asks again for what it is told to drop: the worst moment for whoever has not told the SMMU yet.
    private static readonly IommuKind WithDeviceTlbs = Tailored(
        "smmuv3-ats",
        Smmu3Unit.Full,
        new Smmu3DriverOptions { Stage = Smmu3Stage.Stage1, GranuleLog2 = 12 },
        [new("00:02.0", 0x10, HasDeviceTlb: true), new("00:14.0", 0x20, HasDeviceTlb: true)]);

    private static readonly IommuKind WithPasidsAndDeviceTlbs = Tailored(
        "smmuv3-pasid-ats",
        Smmu3Unit.Full,
        new Smmu3DriverOptions { Stage = Smmu3Stage.Stage1, GranuleLog2 = 12 },
        [new("00:02.0", 0x10, Pasids, HasDeviceTlb: true)]);

    private static readonly IommuKind Twice = Tailored(
        "smmuv3-twice",
        Smmu3Unit.Emulated,
        new Smmu3DriverOptions { Stage = Smmu3Stage.Stage1, IssuesInvalidationsTwice = true },
        modelOptions: new Smmu3ModelOptions { NeedsInvalidationsTwice = true });

    private static readonly IommuKind Nested = Tailored(
        "smmuv3-nested", Smmu3Unit.Emulated, new Smmu3DriverOptions { Stage = Smmu3Stage.Stage2, InputBits = SecondStageBits });

    // Of one device's PASIDs the entry stays, whatever their domains are: what changes is the context descriptor of each.
    private static readonly PlantedBug[] OfPasids = [.. OfRangeCommands.Where(bug => bug.Name != "attach-cfgi"), .. Smmu3Bugs.OfPasids];

    /// <summary>One of each kind that differs to the checker, and one whose driver is tuned.</summary>
    public static IEnumerable<CheckTarget> All
    {
        get
        {
            var ranges = Of<ArmLpae<ArmGranule4K, ArmStage1>>(
                Kind("smmuv3"), VirtualBits, isCoherent: true, AnyRange, "walks snoop, invalidates ranges") with
            {
                Layout = Runs,
                Bugs = [.. OfRangeCommands, .. Smmu3Bugs.OfContexts],
            };
            return
            [
                ranges,
                Of<ArmLpae<ArmGranule4K, ArmStage2>>(SecondStage, SecondStageBits, isCoherent: true, AnyRange, "the same at stage 2") with
                {
                    Layout = Runs,
                    Bugs = [.. OfRangeCommands, .. Smmu3Bugs.OfSecondStage],
                },
                Of<ArmLpae<ArmGranule4K, ArmStage1>>(
                    Kind("smmuv3-nc"), VirtualBits, isCoherent: false, PageByPage, "walks do not snoop, and a command is for one page") with
                {
                    Tuning = TuningValues.None.With(Smmu3Tuning.Threshold, AddressSpaceThreshold),
                    Bugs = [.. Smmu3Bugs.OfCommands, .. Smmu3Bugs.OfRuns, .. Smmu3Bugs.OfContexts],
                },
                UnderGuests,
                .. Structured,
                .. LargeGranules,
                ranges.Tuned(PageBytes, BlockBytes) with
                {
                    Tuning = TuningValues.None.With(Smmu3Tuning.Ranges, (int)Smmu3RangeEncoding.Covering),

                    // From as many pages on as one would round, everything is dropped. One command covers a range, but where tables go that it empties.
                    Bugs =
                    [
                        .. Smmu3Bugs.OfCommands,
                        .. Smmu3Bugs.OfRuns.Select(bug => bug with
                        {
                            AppliesTo = configuration => configuration.Release == TableRelease.WhenEmpty && bug.AppliesTo(configuration),
                        }),
                        .. Smmu3Bugs.OfRanges.Where(bug => bug.Name != "range-scale"),
                        .. Smmu3Bugs.OfContexts,
                        .. Smmu3Bugs.OfBlocks,
                    ],
                },
            ];
        }
    }

    private static CheckTarget UnderGuests
    {
        get
        {
            var target = Of<ArmLpae<ArmGranule4K, ArmStage2>>(
                Nested, SecondStageBits, isCoherent: true, AnyRange, "a guest's stage 1 on top of the domain's stage 2");
            return target with
            {
                Layout = Runs,
                IsDefaultAtEnds = false,
                Bugs = [.. OfRangeCommands, .. Smmu3Bugs.OfSecondStage, .. Smmu3Bugs.OfNesting],
                PoolBytes = target.PoolBytes + (SwappedStage1.PoolPages * PageBytes),
            };
        }
    }

    /// <summary>Those whose structures or devices differ, and not their tables.</summary>
    private static IEnumerable<CheckTarget> Structured =>
    [
        Of<ArmLpae<ArmGranule4K, ArmStage1>>(
            Twice, VirtualBits, isCoherent: true, AnyRange, "an invalidation has an effect only when it is issued again behind a CMD_SYNC, an erratum of 2026") with
        {
            Layout = Runs,
            IsDefaultAtEnds = false,
            Bugs =
            [
                .. Smmu3Bugs.OfCommandsTwice,
                .. Smmu3Bugs.OfTables,
                .. Smmu3Bugs.OfRuns,
                .. Smmu3Bugs.OfRanges,
                .. Smmu3Bugs.OfContexts,
                .. Smmu3Bugs.OfErratum,
            ],
        },
        Of<ArmLpae<ArmGranule4K, ArmStage1>>(
            TwoLevels, VirtualBits, isCoherent: true, AnyRange, "the stream table has two levels, whose second comes with its first device") with
        {
            Layout = Runs,
            IsDefaultAtEnds = false,
            Bugs = [.. OfRangeCommands, .. Smmu3Bugs.OfContexts, .. Smmu3Bugs.OfStreamTables],
        },
        Of<ArmLpae<ArmGranule4K, ArmStage1>>(
            WithPasids, VirtualBits, isCoherent: true, AnyRange, "two PASIDs of one device, in a table of two levels", FirstPasids) with
        {
            Layout = Runs,
            IsDefaultAtEnds = false,
            Bugs = [.. OfPasids, .. Smmu3Bugs.OfContexts],
        },
        Of<ArmLpae<ArmGranule4K, ArmStage1>>(
            WithDeviceTlbs,
            VirtualBits,
            isCoherent: true,
            AnyRange,
            "devices keep translations of their own, and ask again for what they are told to drop") with
        {
            Layout = Runs,
            IsDefaultAtEnds = false,
            Bugs = [.. OfRangeCommands, .. Smmu3Bugs.OfContexts, .. Smmu3Bugs.OfDevices],
        },
        Of<ArmLpae<ArmGranule4K, ArmStage1>>(
            WithPasidsAndDeviceTlbs,
            VirtualBits,
            isCoherent: true,
            AnyRange,
            "two PASIDs of one device, which keeps translations of each",
            FirstPasids) with
        {
            Layout = Runs,
            IsDefaultAtEnds = false,
            Bugs = [.. OfPasids, .. Smmu3Bugs.OfContexts, .. Smmu3Bugs.OfDevices, .. Smmu3Bugs.OfDevicePasids],
        },
    ];

    /// <summary>Pages of 16 and 64 KiB, with IOVAs whose root is a whole table.</summary>
    private static IEnumerable<CheckTarget> LargeGranules =>
    [
        Of<ArmLpae<ArmGranule16K, ArmStage1>>(Granule16K, WholeRoot16K, isCoherent: true, AnyRange, "pages of 16 KiB") with
        {
            Layout = new RangeLayout(PageBytes << 2, 32 << 20, runPages: RunPages),
            IsDefault = false,
            IsDefaultAtEnds = false,
            Bugs = [.. OfRangeCommands, .. Smmu3Bugs.OfContexts],
        },
        Of<ArmLpae<ArmGranule64K, ArmStage2>>(Granule64K, WholeRoot64K, isCoherent: true, AnyRange, "pages of 64 KiB at stage 2") with
        {
            Layout = new RangeLayout(PageBytes << 4, 512 << 20, runPages: RunPages),
            IsDefault = false,
            IsDefaultAtEnds = false,
            Bugs = [.. OfRangeCommands, .. Smmu3Bugs.OfSecondStage],
        },
    ];

    /// <summary>What accesses of a device that is looked at come from.</summary>
    public static Smmu3Source SourceOf(IMachineRig rig, int device) => SourceOf(rig.Devices[device], rig.Pasids, device);

    private static Smmu3Source SourceOf(IommuDevice device, IReadOnlyList<int>? pasids, int number) =>
        new(((Smmu3StreamDevice)device).StreamId, pasids?[number] ?? IommuDomain.NoPasid);

    private static IommuKind Kind(string name) => Smmu3Kinds.All.Single(kind => kind.Name == name);

    /// <summary>As an SMMUv3 for everybody, but with options and devices that only a check has.</summary>
    private static IommuKind Tailored(string name, Smmu3Unit unit, Smmu3DriverOptions options, IReadOnlyList<Smmu3Client>? streams = null, Smmu3ModelOptions? modelOptions = null) =>
        Kind("smmuv3") with
        {
            Name = name,
            Create = settings => Smmu3Machine.Create(
                unit with { Name = name },
                settings,
                modelOptions,
                driverOptions: options with { HasRangeFlush = settings.HasRangeFlush },
                streams: streams,
                devicesAskAgain: true),
        };

    private static CheckTarget Of<TFormat>(
        IommuKind kind, int inputBits, bool isCoherent, IReadOnlyList<ulong> dropSizes, string description, IReadOnlyList<int>? pasids = null)
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
                    HasDeviceTlbs = kind == WithDeviceTlbs || kind == WithPasidsAndDeviceTlbs,
                    DropSizes = dropSizes,
                },
                (machine, devices) => new Smmu3Decoder(
                    (Smmu3Machine)machine, devices.Select((device, number) => SourceOf(device, pasids, number)), HardwareOf(kind)))
            {
                Spaces = Spaces,
                OnTop = kind == Nested ? SwappedStage1.Top : null,
                Pasids = pasids,
                Devices = pasids is null ? null : machine => pasids.Select(_ => machine.Driver.Devices[0]),
                TranslatePasid = Translate,

                // Devices fault here between any two accesses of the driver. Handling that is accesses too, each followed by more faults, and would
                // never end: events stay in their queue.
                Settle = (machine, _, _) => ((Smmu3Machine)machine).Model!.InterruptRaised = null,
            },
            inputBits) with
        {
            IsDefault = true,
            IsDefaultAtEnds = true,
        };

    private static Smmu3Hardware HardwareOf(IommuKind kind) =>
        kind == Nested ? Smmu3Hardware.IsNested : kind == Twice ? Smmu3Hardware.NeedsTwo : Smmu3Hardware.Plain;

    private static Translation Translate(Machine machine, DmaRequest request, int pasid) =>
        ((Smmu3Machine)machine).TranslatePasid(request, pasid);
}
