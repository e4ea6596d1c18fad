using IommuKit.Checker.Scenarios;

namespace IommuKit.Checker;

/// <summary>Whether a planted bug was found.</summary>
/// <param name="Bug">The bug.</param>
/// <param name="Configuration">Where it was planted.</param>
/// <param name="Finding">What was found; null if nothing was.</param>
/// <param name="Own">What is wrong there without it; null if nothing is.</param>
public sealed record PlantedResult(PlantedBug Bug, CheckConfiguration Configuration, CheckFinding? Finding, CheckFinding? Own)
{
    /// <summary>Whether it was found, made to happen in the model, and called by its name, and nothing is wrong without it.</summary>
    public bool IsCaught => Own is null && IsNamed(Bug, Finding);

    /// <summary>Plants a bug and looks for it.</summary>
    public static PlantedResult Of(PlantedBug bug, CheckConfiguration configuration) => Of(bug, configuration, CancellationToken.None);

    /// <summary>Plants a bug and looks for it.</summary>
    /// <exception cref="OperationCanceledException">It was ended before that was known.</exception>
    internal static PlantedResult Of(PlantedBug bug, CheckConfiguration configuration, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(bug);
        ArgumentNullException.ThrowIfNull(configuration);
        var finding = CheckRunner.FindFirst(configuration, bug, CheckRunner.PlantedDepth, cancellation);
        var own = finding is null ? null : Without(finding.Case);
        if (own is null && !IsNamed(bug, finding))
        {
            own = CheckRunner.FindFirst(configuration, bug: null, CheckRunner.PlantedDepth, cancellation);
        }

        return new PlantedResult(bug, configuration, finding, own);
    }

    private static bool IsNamed(PlantedBug bug, CheckFinding? finding) => finding is { IsConfirmed: true } && bug.Expected.Contains(finding.Verdict);

    private static CheckFinding? Without(CheckCase scenario)
    {
        var own = scenario with { Bug = null };
        return own.Run().Violation is { } violation ? CheckFinding.From(own, violation) : null;
    }
}
