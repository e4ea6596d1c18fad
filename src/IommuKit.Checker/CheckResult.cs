namespace IommuKit.Checker;

/// <summary>The outcome of a check.</summary>
/// <param name="Planted">What became of planted bugs.</param>
/// <param name="Configurations">
/// What became of each configuration. If a planted bug was missed, only those in which something is wrong without it: a wrong DMA in the model stands
/// for itself, and nothing else that is found or not found means anything.
/// </param>
public sealed record CheckResult(IReadOnlyList<PlantedResult> Planted, IReadOnlyList<ConfigurationResult> Configurations)
{
    /// <summary>What became of the ends of the address space, in each configuration.</summary>
    public IReadOnlyList<ConfigurationResult> AtEnds { get; init; } = [];

    /// <summary>Planted bugs that were not tried, or not to an end, because it was ended early.</summary>
    public int PlantedNotTried { get; init; }

    /// <summary>Whether it was ended early, so that not all that was asked for is covered; without configurations, while bugs were planted.</summary>
    public bool IsInterrupted { get; init; }

    /// <summary>Whether all planted bugs were found.</summary>
    public bool IsTrustworthy => Planted.All(planted => planted.IsCaught);

    /// <summary>What was found wrong with the drivers.</summary>
    public IEnumerable<CheckFinding> Findings => Configurations.Concat(AtEnds).Select(result => result.Finding).OfType<CheckFinding>();
}
