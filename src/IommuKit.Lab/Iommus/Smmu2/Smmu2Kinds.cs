using IommuKit.Drivers.Smmu2;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Lab.Iommus.Smmu2;

/// <summary>Machines with an SMMUv1 or SMMUv2.</summary>
public static class Smmu2Kinds
{
    private const uint CoherentWalks = 1 << 14;

    private static readonly Smmu2Unit Coherent = Smmu2Unit.Mmu500 with { Idr0 = Smmu2Unit.Mmu500.Idr0 | CoherentWalks };

    /// <summary>All of them. Granules are of 4 KiB.</summary>
    public static IReadOnlyList<IommuKind> All { get; } =
    [
        Of(
            "smmuv2",
            Coherent,
            new Smmu2DriverOptions { Stage = Smmu2Stage.Stage1 },
            "Arm MMU-500, stage 1: a register write for each page; snoops the CPU's caches"),
        Of("smmuv2-nc", Smmu2Unit.Mmu500, new Smmu2DriverOptions { Stage = Smmu2Stage.Stage1 }, "the same without snooping"),
        Of("smmuv2-s2", Coherent, new Smmu2DriverOptions { Stage = Smmu2Stage.Stage2 }, "an MMU-500 that snoops, at stage 2, as for guests"),
        Of(
            "smmuv1-v7s",
            Smmu2Unit.Mmu400,
            new Smmu2DriverOptions { Stage = Smmu2Stage.Stage1, Format = Smmu2TableFormat.ShortDescriptors },
            "Arm SMMUv1 with short descriptors: 32 bits, no invalidation of leaves alone"),
    ];

    private static IommuKind Of(string name, Smmu2Unit unit, Smmu2DriverOptions options, string description) =>
        new(name, description, settings => Smmu2Machine.Create(unit with { Name = name }, settings, driverOptions: options))
        {
            Tuning = Smmu2Tuning.All,
            Costs = "smmuv2-2024",
            RecordedOn = "SMMUv2",
            Waits = "polls of the sync",
        };
}
