using IommuKit.Lab.Checker.Planted;

namespace IommuKit.Lab.Checker;

/// <summary>Whether a planted bug was found.</summary>
/// <param name="Bug">The bug.</param>
/// <param name="Configuration">Where it was planted.</param>
/// <param name="Finding">What was found; null if nothing was.</param>
public sealed record PlantedResult(PlantedBug Bug, CheckConfiguration Configuration, CheckFinding? Finding)
{
    /// <summary>Whether it was found, made to happen in the model, and called by its name.</summary>
    public bool IsCaught => Finding is { IsConfirmed: true } && Bug.Expected.Contains(Finding.Verdict);
}
