namespace IommuKit.Lab.Checker;

/// <summary>The outcome of a check.</summary>
/// <param name="Planted">What became of planted bugs.</param>
/// <param name="Configurations">What became of each configuration; empty if a planted bug was missed, for then nothing that is found or not found means anything.</param>
public sealed record CheckResult(IReadOnlyList<PlantedResult> Planted, IReadOnlyList<ConfigurationResult> Configurations)
{
    /// <summary>Whether all planted bugs were found.</summary>
    public bool IsTrustworthy => Planted.All(planted => planted.IsCaught);

    /// <summary>What was found wrong with the drivers.</summary>
    public IEnumerable<CheckFinding> Findings => Configurations.Select(result => result.Finding).OfType<CheckFinding>();
}
