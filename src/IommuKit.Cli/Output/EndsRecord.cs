using IommuKit.Checker;

namespace IommuKit.Cli.Output;

/// <summary>What was checked at the ends of the address space, all configurations together.</summary>
/// <param name="results">The outcomes.</param>
internal sealed class EndsRecord(IReadOnlyList<ConfigurationResult> results)
{
    public IReadOnlyList<string> Iommus => [.. results.Select(result => result.Configuration.Target.Name).Distinct(StringComparer.Ordinal)];

    public int Configurations => results.Count;

    public long Scenarios => results.Sum(result => result.Sequences);

    public long Steps => results.Sum(result => result.Steps);

    public int Missing => results.Count(result => result.Finding is not null);

    public long Exhausted => results.Sum(result => result.Exhausted);
}
