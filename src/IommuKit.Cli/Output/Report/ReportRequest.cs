using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Costs.Calibration;
using IommuKit.Lab.Machines;

namespace IommuKit.Cli.Output.Report;

/// <summary>What a report is to be about.</summary>
/// <param name="Kind">The IOMMU.</param>
/// <param name="Policies">Flush policies.</param>
/// <param name="Traces">Files with traces; each is read more than once.</param>
/// <param name="Costs">Costs to take as they are; null if they are to be fitted.</param>
/// <param name="Measurements">The file of times that costs are fitted to; null for the proposal's table.</param>
/// <param name="Calibration">How costs are fitted.</param>
/// <param name="HasCheck">Whether the checker runs too.</param>
internal sealed record ReportRequest(
    MachineKind Kind,
    IReadOnlyList<SyncPolicy> Policies,
    IReadOnlyList<string> Traces,
    CostVector? Costs,
    string? Measurements,
    CalibrationOptions Calibration,
    bool HasCheck);
