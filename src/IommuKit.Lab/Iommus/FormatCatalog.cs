using IommuKit.Lab.Formats;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Specs.Amd;
using IommuKit.Specs.Arm;
using IommuKit.Specs.RiscV;
using IommuKit.Specs.Vtd;
using IommuKit.Specs.X86;

namespace IommuKit.Lab.Iommus;

/// <summary>Every page-table format that comes with the library: the one place to add one to.</summary>
public static class FormatCatalog
{
    /// <summary>All formats.</summary>
    public static IReadOnlyList<FormatKind> All { get; } =
    [
        TegraKinds.Format,
        Stage1<ArmGranule4K>("4 KiB"),
        Stage2<ArmGranule4K>("4 KiB"),
        Stage1<ArmGranule16K>("16 KiB"),
        Stage2<ArmGranule16K>("16 KiB"),
        Stage1<ArmGranule64K>("64 KiB"),
        Stage2<ArmGranule64K>("64 KiB"),
        FormatKind.Of<ArmShortFormat>(32, 32, "Arm VMSAv7 short descriptors: two levels of 32-bit entries", EntryFlags.ArmShortLeaf, LevelNames.ArmShort),
        RiscV<Sv39>(39, "three levels"),
        RiscV<Sv48>(48, "four levels"),
        RiscV<Sv57>(57, "five levels"),
        RiscV<Sv39x4>(41, "three levels, second stage"),
        RiscV<Sv48x4>(50, "four levels, second stage"),
        RiscV<Sv57x4>(59, "five levels, second stage"),
        FormatKind.Of<VtdSecondStageFormat>(48, 48, "Intel VT-d, second stage", EntryFlags.VtdLeaf, LevelNames.Vtd),
        FormatKind.Of<X86Format>(48, 48, "x86-64, which VT-d's first stage and AMD's guest translation walk", EntryFlags.X86Leaf, LevelNames.X86),
        FormatKind.Of<AmdV1Format>(48, 48, "AMD-Vi, AMD's own tables: pages of almost every power of two", EntryFlags.AmdLeaf, LevelNames.Amd),
    ];

    /// <summary>The format of that name, or null.</summary>
    public static FormatKind? Find(string name) =>
        All.FirstOrDefault(kind => string.Equals(kind.Name, name, StringComparison.OrdinalIgnoreCase));

    private static FormatKind Stage1<TGranule>(string granule)
        where TGranule : struct, IArmGranule =>
        FormatKind.Of<ArmLpae<TGranule, ArmStage1>>(48, 48, $"Arm VMSAv8-64 (LPAE), stage 1, granule of {granule}", EntryFlags.ArmStage1Leaf, LevelNames.Arm);

    private static FormatKind Stage2<TGranule>(string granule)
        where TGranule : struct, IArmGranule =>
        FormatKind.Of<ArmLpae<TGranule, ArmStage2>>(48, 48, $"Arm VMSAv8-64 (LPAE), stage 2, granule of {granule}", EntryFlags.ArmStage2Leaf, LevelNames.Arm);

    private static FormatKind RiscV<TMode>(int inputBits, string levels)
        where TMode : struct, IRiscVMode =>
        FormatKind.Of<RiscVFormat<TMode>>(inputBits, 56, $"RISC-V IOMMU, {TMode.Name}: {levels}", EntryFlags.RiscVLeaf, LevelNames.RiscV);
}
