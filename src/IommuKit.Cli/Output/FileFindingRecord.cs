using IommuKit.Traces.Audit;

namespace IommuKit.Cli.Output;

/// <summary>A finding of <c>iommukit audit</c> on several files as CSV has it: the file, then as of one file.</summary>
internal sealed class FileFindingRecord(string file, AuditFinding finding)
{
    public string File => file;

    public string Id => finding.Id;

    public long Count => finding.Count;

    public long FirstLine => finding.FirstLine;

    public long Cost => finding.Cost;

    public string CostUnit => finding.CostUnit;

    public string Meaning => finding.Meaning;

    public string? Limit => finding.Limit;
}
