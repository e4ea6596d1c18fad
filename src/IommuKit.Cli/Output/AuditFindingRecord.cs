using IommuKit.Traces.Audit;

namespace IommuKit.Cli.Output;

/// <summary>A finding of <c>iommukit audit</c> as JSON has it. docs/json.md describes the fields.</summary>
internal sealed class AuditFindingRecord(AuditFinding finding)
{
    public string Id => finding.Id;

    public long Count => finding.Count;

    public long FirstLine => finding.FirstLine;

    public long Cost => finding.Cost;

    public string CostUnit => finding.CostUnit;

    public string Meaning => finding.Meaning;

    public string? Limit => finding.Limit;

    public IReadOnlyDictionary<string, long> Details => finding.Details;
}
