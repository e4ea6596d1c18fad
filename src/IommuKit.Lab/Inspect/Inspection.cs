namespace IommuKit.Lab.Inspect;

/// <summary>What was seen in a state.</summary>
/// <param name="Name">What the state is called.</param>
/// <param name="Iommu">The kind of IOMMU.</param>
/// <param name="Sources">What is configured.</param>
/// <param name="Blocked">Entries that let nothing pass.</param>
/// <param name="IsCut">Whether there are more devices, PASIDs or page tables than were looked at; a finding says which.</param>
/// <param name="Findings">What the rules say.</param>
internal sealed record Inspection(
    string Name, string Iommu, IReadOnlyList<InspectSource> Sources, long Blocked, bool IsCut, IReadOnlyList<InspectFinding> Findings)
{
    /// <summary>Rules that are broken, each as often as it is.</summary>
    public int Wrong => Findings.Count(finding => finding.IsWrong);
}
