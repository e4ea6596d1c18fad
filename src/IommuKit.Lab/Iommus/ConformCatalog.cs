using IommuKit.Lab.Conform;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Iommus.Vtd;

namespace IommuKit.Lab.Iommus;

/// <summary>Every model that recorded boots can be compared with: the one place to add one to.</summary>
internal static class ConformCatalog
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<IConformKind> All { get; } = [VtdConform.Instance, Smmu3Conform.Instance];
}
