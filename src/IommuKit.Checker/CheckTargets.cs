using IommuKit.Checker.Iommus.Smmu2;
using IommuKit.Checker.Iommus.Smmu3;
using IommuKit.Checker.Iommus.Software;
using IommuKit.Checker.Iommus.Tegra;
using IommuKit.Checker.Iommus.Vtd;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Formats;
using IommuKit.Lab.Iommus;

namespace IommuKit.Checker;

/// <summary>Every IOMMU that can be checked and comes with the library: the one place to add one to.</summary>
public static class CheckTargets
{
    /// <summary>All of them, in a selection of formats.</summary>
    public static IReadOnlyList<CheckTarget> All { get; } =
    [
        .. TegraTargets.All,
        .. VtdTargets.All,
        .. Smmu3Targets.All,
        .. Smmu2Targets.All,
        .. SoftwareTargets.All,
    ];

    /// <summary>What is checked unless somebody asks for others: every driver, in one format of its tables.</summary>
    public static IReadOnlyList<CheckTarget> Default { get; } = [.. All.Where(target => target.IsDefault)];

    /// <summary>
    /// Where the ends of the address space are checked unless somebody asks for others: every driver, in every format of its tables, with the most
    /// and the least forgetful walker.
    /// </summary>
    public static IReadOnlyList<CheckTarget> AtEnds { get; } =
    [
        .. All.Where(target => target.CanAttach && target.IsDefaultAtEnds),
        .. FormatCatalog.All.SelectMany(InFormat).Where(target => target.IsDefaultAtEnds),
    ];

    /// <summary>The target of that name, or null: one of <see cref="All"/>, or one in any other format.</summary>
    public static CheckTarget? Find(string name) => All
        .Concat(FormatCatalog.All.SelectMany(InFormat))
        .FirstOrDefault(target => string.Equals(target.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The software IOMMU with page tables of some format, with each kind of walker.</summary>
    public static IEnumerable<CheckTarget> InFormat(FormatKind format) => SoftwareTargets.Of(format);
}
