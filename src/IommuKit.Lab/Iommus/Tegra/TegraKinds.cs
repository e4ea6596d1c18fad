using IommuKit.Lab.Formats;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Iommus.Tegra;

/// <summary>The Tegras, and the format of their page tables.</summary>
public static class TegraKinds
{
    private static readonly EntryFlag[] Flags =
    [
        new(TegraEntry.Readable, "R"),
        new(TegraEntry.Writable, "W"),
        new(TegraEntry.NonSecure, "NS"),
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<IommuKind> All { get; } =
    [
        Of(TegraSoc.Tegra30, "Tegra30 (2011), SMMU in the memory controller"),
        Of(TegraSoc.Tegra114, "Tegra114 (2013), SMMU in the memory controller"),
        Of(TegraSoc.Tegra124, "Tegra124 and Tegra132 (2014), SMMU in the memory controller"),
        Of(TegraSoc.Tegra210, "Tegra210 (2015), SMMU in the memory controller; what the proposal was measured on"),
    ];

    /// <summary>The format.</summary>
    public static FormatKind Format { get; } = FormatKind.Of<TegraFormat>(
        32,
        34,
        "SMMU of NVIDIA's Tegra30 to 210: two levels of 32-bit entries",
        (entry, _) => EntryFlag.Describe(entry, Flags),
        level => level == 0 ? "page table" : "page directory");

    private static IommuKind Of(TegraSoc soc, string description) =>
        new(soc.Name, description, settings => TegraMachine.Create(soc, settings)) { Tuning = TegraTuning.All };
}
