using IommuKit.Checker;

namespace IommuKit.Cli.Output;

/// <summary>A planted bug and how it was found.</summary>
/// <param name="planted">The outcome.</param>
internal sealed class PlantedRecord(PlantedResult planted)
{
    public string Bug => planted.Bug.Name;

    public string Reference => planted.Bug.Reference;

    public string Iommu => planted.Configuration.Target.Name;

    public string Policy => planted.Configuration.Policy.ToString();

    public string Release => planted.Configuration.Release.ToString();

    public bool Caught => planted.IsCaught;

    public string? Verdict => planted.Finding is { } finding ? Names.Of(finding.Verdict) : null;

    public string? Scenario => planted.Finding?.Case.Text;

    public bool Confirmed => planted.Finding is { IsConfirmed: true };
}
