using IommuKit.Lab.Checker.Machines;
using IommuKit.Lab.Checker.Scenarios;

namespace IommuKit.Lab.Checker;

/// <summary>A kind of IOMMU that can be checked.</summary>
/// <param name="Name">The name by which users select it.</param>
/// <param name="Description">What it is, and what its hardware may do.</param>
/// <param name="CanAttach">Whether devices can be attached and detached.</param>
/// <param name="Layout">Which ranges scenarios use.</param>
/// <param name="Create">Builds one.</param>
public sealed record CheckTarget(string Name, string Description, bool CanAttach, RangeLayout Layout, Func<CheckSettings, CheckedMachine> Create);
