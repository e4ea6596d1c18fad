using IommuKit.Lab.Checker.Machines;
using IommuKit.Lab.Checker.Scenarios;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Checker;

/// <summary>Every IOMMU that can be checked: the one place to add one to.</summary>
public static class CheckTargets
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<CheckTarget> All { get; } =
    [
        .. TegraSoc.All.Select(Tegra),
    ];

    /// <summary>The target of that name, or null.</summary>
    public static CheckTarget? Find(string name) =>
        All.FirstOrDefault(target => string.Equals(target.Name, name, StringComparison.OrdinalIgnoreCase));

    private static CheckTarget Tegra(TegraSoc soc) => new(
        soc.Name,
        "register-level model; the walker does not snoop, and everything caches what is not present",
        CanAttach: true,
        new RangeLayout(1ul << TegraEntry.PageShift, 1ul << TegraEntry.SectionShift),
        settings => new TegraCheckedMachine(soc, settings));
}
