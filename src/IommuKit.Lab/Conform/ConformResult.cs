namespace IommuKit.Lab.Conform;

/// <summary>How far a unit agrees with a recorded boot.</summary>
/// <param name="Boot">The boot.</param>
/// <param name="Iommu">The kind of IOMMU.</param>
/// <param name="Snapshots">Snapshots that were loaded.</param>
/// <param name="Registers">Registers that were compared.</param>
/// <param name="Probes">Accesses that were made.</param>
/// <param name="Agree">Accesses with the recorded answer.</param>
/// <param name="Groups">Maps, and unmaps with the commands for them, that our driver did too; null if there is none, or nothing was recorded.</param>
/// <param name="GroupsEqual">Of these, the ones for which it issued the recorded commands.</param>
/// <param name="GroupsLeftOut">Unmaps without commands of their own where that can be, which were not compared.</param>
/// <param name="Differences">What differs, known deviations of the recorder included; the first <see cref="MostDifferences"/>.</param>
/// <param name="Unknown">Differences that are no known deviation, counted.</param>
internal sealed record ConformResult(
    string Boot,
    string Iommu,
    int Snapshots,
    int Registers,
    int Probes,
    int Agree,
    int? Groups,
    int? GroupsEqual,
    int? GroupsLeftOut,
    IReadOnlyList<ConformDifference> Differences,
    int Unknown)
{
    /// <summary>Accesses whose recorded answer is a known deviation of the recorder, counted.</summary>
    public int KnownDeviations { get; init; }

    /// <summary>Snapshots to which no access was recorded, so that only their registers were compared.</summary>
    public int SilentSnapshots { get; init; }

    /// <summary>Why no maps and unmaps were compared; null if they were.</summary>
    public string? NotCompared { get; init; }

    /// <summary>
    /// Address spaces of which every group of unmaps dropped everything, so that our driver defers there too; null if groups were not compared.
    /// </summary>
    public int? DeferredSpaces { get; init; }

    /// <summary>The most differences that are listed.</summary>
    public const int MostDifferences = 10_000;
}
