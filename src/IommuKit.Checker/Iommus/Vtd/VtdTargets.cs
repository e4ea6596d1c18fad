using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Drivers.Vtd;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;
using IommuKit.Specs.X86;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>Machines with VT-d as the checker knows them.</summary>
internal static class VtdTargets
{
    private const string PasidsName = "vtd-pasid-ats";
    private const int FiveLevelBits = 57;
    private const ulong PageBytes = 4096;
    private const ulong LargePageBytes = 2 << 20;

    // The root table and the context table of one bus are where page tables are; in scalable mode those of both halves, and of each device a
    // directory and a table of PASIDs.
    private const ulong StructureBytes = 2 * PageBytes;
    private const ulong ScalableStructureBytes = 7 * PageBytes;
    private const ulong MostTables = 64 * PageBytes;

    private static readonly int[] FirstPasids = [1, 2];

    // A second stage as wide as the half of a first stage of four levels that is below: 47 bits, by tables of four levels.
    private static readonly VtdUnit Nested = VtdUnit.Server57 with
    {
        Name = "vtd-server-nested",
        Capability = new((VtdUnit.Server57.Capability.Value & ~((0x3ful << 16) | (0x1f << 8))) | (46ul << 16) | (1 << 10)),
    };

    // What two domains can get, beside the ids that are taken.
    private const int Spaces = 6;

    /// <summary>One of each kind that differs to the checker, and one whose driver is tuned.</summary>
    public static IEnumerable<CheckTarget> All =>
    [
        Of("vtd-client", VtdUnit.Client39, "walks snoop, pointers to tables are remembered, a wait tells of the end"),
        Of("vtd-client-nc", VtdUnit.ClientNonCoherent, "walks do not snoop, and stores go through a write buffer"),
        Of("vtd-guest", VtdUnit.EmulatedCachingMode, "caching mode: what is not present is remembered too, and walks do not snoop"),
        OfFirstStage("vtd-server-fs", VtdUnit.Server57, "first stage in scalable mode: entries of PASIDs and invalidations by PASID, walks snoop"),
        OfFirstStage("vtd-guest-fs", VtdUnit.EmulatedFirstStageCachingMode, "the same with caching mode, and walks do not snoop"),
        OfGuest("a guest's first stage on top of the domain's second, in scalable mode; walks snoop"),
        Of("vtd-server-ats", VtdUnit.Server48, "devices keep translations of their own, and ask again for what they are told to drop") with
        {
            IsDefaultAtEnds = false,
        },
        OfPasids("two PASIDs of one device, which keeps translations of each and asks again; first stage in scalable mode, walks snoop"),
        Of("vtd-server", VtdUnit.Server48, "as vtd-client, with a wider IOVA") with { IsDefault = false, IsDefaultAtEnds = false },
        Of("vtd-server-57", VtdUnit.Server57, "as vtd-client, with five levels") with { IsDefault = false, IsDefaultAtEnds = false },
        Of("vtd-client", VtdUnit.Client39, "walks snoop").Tuned(PageBytes, LargePageBytes) with
        {
            IsDefault = false,
            Tuning = TuningValues.None.With(VtdTuning.Blocks, 1).With(VtdTuning.DomainThreshold, 32),
        },
    ];

    private static CheckTarget Of(string name, VtdUnit unit, string description) => Of<VtdSecondStageFormat>(
        name,
        description,
        new ShadowTraits
        {
            HasCoherentWalk = unit.ExtendedCapability.IsCoherent,
            CachesInvalidEntries = unit.Capability.CachingMode,
            HasDeviceTlbs = name == "vtd-server-ats",
        },
        unit.Capability,
        unit.Capability.MaxGuestWidth,
        StructureBytes) with
    {
        Bugs = VtdDecoder.MustAskToDrain(unit) ? [.. VtdBugs.All, VtdBugs.NotDrained] : VtdBugs.All,
    };

    private static CheckTarget OfFirstStage(string name, VtdUnit unit, string description) => Of<X86Format>(
        name,
        description,
        new ShadowTraits
        {
            HasCoherentWalk = unit.ExtendedCapability is { IsCoherent: true, ScalableWalkSnoops: true },

            // Of a first stage, never.
            CachesInvalidEntries = false,
        },
        unit.Capability,
        unit.Capability.FirstStage5Levels ? 57 : 48,
        ScalableStructureBytes);

    private static CheckTarget OfPasids(string description)
    {
        var unit = VtdUnit.Server57 with { Name = PasidsName };
        return Of<X86Format>(
            PasidsName,
            description,
            new ShadowTraits { HasCoherentWalk = true, CachesInvalidEntries = false, HasDeviceTlbs = true },
            unit.Capability,
            FiveLevelBits,
            ScalableStructureBytes,
            pasids: FirstPasids) with
        {
            IsDefaultAtEnds = false,
            // Under another domain's id, an invalidation for a PASID that is not that domain's names nothing at all.
            Bugs =
            [
                .. VtdBugs.All.Select(bug => bug.Name == "domain-id" ? bug with { Expected = [Verdict.Missing] } : bug),
                VtdBugs.DeviceTlbPasid,
            ],
        };
    }

    private static CheckTarget OfGuest(string description)
    {
        var target = Of<VtdSecondStageFormat>(
            Nested.Name,
            description,
            new ShadowTraits { HasCoherentWalk = true, CachesInvalidEntries = false },
            Nested.Capability,
            Nested.Capability.MaxGuestWidth,
            ScalableStructureBytes + (SwappedGuest.Pages * PageBytes),
            SwappedGuest.Top);

        // What a device was told by the guest's addresses goes whatever address and mask say: no access on the model shows that they are wrong.
        return target with { Bugs = [.. VtdBugs.All.Where(bug => bug.Name is not ("address-mask" or "misaligned-mask")), VtdBugs.FirstStageOnly] };
    }

    private static CheckTarget Of<TFormat>(
        string name, string description, ShadowTraits traits, VtdCapability capability, int inputBits, ulong structureBytes,
        TopDomain? onTop = null, IReadOnlyList<int>? pasids = null)
        where TFormat : struct, IPageTableFormat
    {
        var target = CheckTarget.Of<TFormat>(
            $"register-level model; {description}",
            new MachinePlan(
                KindOf(name, traits.HasDeviceTlbs),
                traits with
                {
                    CachesAbsentRoutes = capability.CachingMode,
                    HasWalkCache = true,
                    HasPostedCommands = true,
                    DropSizes = [.. Enumerable.Range(0, capability.MaxAddressMask + 1).Select(log2 => PageBytes << log2), 1ul << 62],
                },
                (machine, devices) => new VtdDecoder(
                    (VtdMachine)machine, devices.Select((device, number) => VtdSource.Of(device, pasids, number))))
            {
                Spaces = Spaces,
                OnTop = onTop,
                Pasids = pasids,
                Devices = pasids is null ? null : machine => pasids.Select(_ => machine.Driver.Devices[0]),
                TranslatePasid = (machine, request, pasid) => ((VtdMachine)machine).TranslatePasid(request, pasid),
            },
            inputBits);
        return target with
        {
            IsDefault = true,
            IsDefaultAtEnds = true,
            HasWriteBuffer = capability.NeedsWriteBufferFlush,
            Bugs = VtdBugs.All,
            PoolBytes = target.PoolBytes + structureBytes,
            PoolBytesAtEnds = Math.Min(target.PoolBytesAtEnds + structureBytes, MostTables),
        };
    }

    private static IommuKind KindOf(string name, bool hasDeviceTlbs)
    {
        if (name == Nested.Name)
        {
            return VtdKinds.All.Single(kind => kind.Name == "vtd-server-fs") with
            {
                Name = name,
                Create = settings => VtdMachine.Create(Nested, settings, mode: VtdMode.SecondStage),
            };
        }

        if (name == PasidsName)
        {
            return VtdKinds.All.Single(kind => kind.Name == "vtd-server-fs") with
            {
                Name = name,
                Create = settings => VtdMachine.Create(
                    VtdUnit.Server57 with { Name = name },
                    settings,
                    mode: VtdMode.FirstStage,
                    hasDeviceTlbs: true,
                    devicesAskAgain: true,
                    pasids: FirstPasids[^1] + 1),
            };
        }

        var kind = VtdKinds.All.Single(kind => kind.Name == name);

        // A device at work asks again for what it is told to drop: the worst moment for whoever has not told the unit yet.
        return !hasDeviceTlbs ? kind : kind with
        {
            Create = settings => VtdMachine.Create(
                VtdUnit.Server48 with { Name = name }, settings, hasDeviceTlbs: true, devicesAskAgain: true),
        };
    }
}
