using IommuKit.Lab.Inspect;
using IommuKit.Lab.Iommus.Smmu2;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Iommus.Vtd;

namespace IommuKit.Lab.Iommus;

/// <summary>Every IOMMU whose state can be looked at: the one place to add one to.</summary>
internal static class InspectCatalog
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<IInspectKind> All { get; } = [VtdInspect.Instance, Smmu3Inspect.Instance, Smmu2Inspect.Instance];
}
