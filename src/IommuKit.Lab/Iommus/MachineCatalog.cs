using IommuKit.Lab.Iommus.Smmu2;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Iommus;

/// <summary>Every kind of IOMMU that comes with the library: the one place to add one to.</summary>
public static class MachineCatalog
{
    /// <summary>All kinds.</summary>
    public static IReadOnlyList<IommuKind> All { get; } =
    [
        .. TegraKinds.All,
        .. VtdKinds.All,
        .. Smmu3Kinds.All,
        .. Smmu2Kinds.All,
    ];

    /// <summary>The kind of that name, or null.</summary>
    public static IommuKind? Find(string name) =>
        All.FirstOrDefault(kind => string.Equals(kind.Name, name, StringComparison.OrdinalIgnoreCase));
}
