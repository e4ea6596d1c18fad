using IommuKit.Drivers.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Lab.Iommus.Smmu3;

/// <summary>Machines with an SMMUv3.</summary>
public static class Smmu3Kinds
{
    private const uint Coherent = 1 << 4;
    private const uint Ats = 1 << 10;

    private static readonly Smmu3Unit NonCoherent = Smmu3Unit.Mmu600 with { Idr0 = Smmu3Unit.Mmu600.Idr0 & ~Coherent };

    private static readonly Smmu3Unit WithAts = Smmu3Unit.Emulated with { Idr0 = Smmu3Unit.Emulated.Idr0 | Ats };

    private static readonly Smmu3Client[] DevicesWithTlbs =
        [.. Smmu3Machine.UsualStreams.Select(stream => stream with { HasDeviceTlb = true })];

    /// <summary>All of them. Granules are of 4 KiB.</summary>
    public static IReadOnlyList<IommuKind> All { get; } =
    [
        Of("smmuv3", Smmu3Unit.Emulated, Smmu3Stage.Stage1, "Arm SMMUv3 with invalidation of ranges, stage 1, snoops the CPU's caches"),
        Of("smmuv3-s2", Smmu3Unit.Emulated, Smmu3Stage.Stage2, "the same at stage 2, as for guests"),
        Of("smmuv3-mmu600", Smmu3Unit.Mmu600, Smmu3Stage.Stage1, "Arm MMU-600: each page is a command"),
        Of("smmuv3-nc", NonCoherent, Smmu3Stage.Stage1, "the same without snooping"),
        Of("smmuv3-ats", WithAts, Smmu3Stage.Stage1, "as smmuv3, and devices keep translations of their own", DevicesWithTlbs),
    ];

    private static IommuKind Of(string name, Smmu3Unit unit, Smmu3Stage stage, string description, IReadOnlyList<Smmu3Client>? streams = null) =>
        new(
            name,
            description,
            settings => Smmu3Machine.Create(
                unit with { Name = name },
                settings: settings,
                driverOptions: Smmu3Tuning.OptionsFor(settings) with { Stage = stage },
                streams: streams))
        {
            Tuning = Smmu3Tuning.All,
            Costs = "smmuv3-2021-queue",
            RecordedOn = "SMMUv3",
            HasQueue = true,
        };
}
