using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Iommus;

/// <summary>Every kind of machine: the one place to add an IOMMU to.</summary>
public static class MachineCatalog
{
    /// <summary>All kinds.</summary>
    public static IReadOnlyList<MachineKind> All { get; } =
    [
        Tegra(TegraSoc.Tegra30, "Tegra30 (2011), SMMU in the memory controller"),
        Tegra(TegraSoc.Tegra114, "Tegra114 (2013), SMMU in the memory controller"),
        Tegra(TegraSoc.Tegra124, "Tegra124 and Tegra132 (2014), SMMU in the memory controller"),
        Tegra(TegraSoc.Tegra210, "Tegra210 (2015), SMMU in the memory controller; what the proposal was measured on"),
    ];

    /// <summary>The kind of that name, or null.</summary>
    public static MachineKind? Find(string name) =>
        All.FirstOrDefault(kind => string.Equals(kind.Name, name, StringComparison.OrdinalIgnoreCase));

    private static MachineKind Tegra(TegraSoc soc, string description) =>
        new(soc.Name, description, settings => TegraMachine.Create(soc, settings));
}
