using IommuKit.Checker.Scenarios;
using IommuKit.Cli.Runs;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output.Report;

/// <summary>What a report is to be about.</summary>
/// <param name="Kind">The IOMMU.</param>
/// <param name="Policies">Flush policies.</param>
/// <param name="Traces">Files with traces; each is read more than once.</param>
/// <param name="Costs">Where costs come from.</param>
/// <param name="Checked">What the checker is to check too; null for nothing.</param>
/// <param name="Log">The kernel log of the same run as the only trace, or null.</param>
/// <param name="IsLenient">Whether to go on where a trace is cut off or damaged.</param>
/// <param name="IsKindNamed">Whether the IOMMU was named, and not found out from the traces or taken for want of another.</param>
internal sealed record ReportRequest(
    IommuKind Kind,
    IReadOnlyList<SyncPolicy> Policies,
    IReadOnlyList<string> Traces,
    CostRequest Costs,
    CheckTarget? Checked,
    string? Log = null,
    bool IsLenient = false,
    bool IsKindNamed = false)
{
    /// <summary>How the IOMMU's driver is tuned where a trace is replayed.</summary>
    public ReplayTuning Tuning { get; init; } = new();
}
