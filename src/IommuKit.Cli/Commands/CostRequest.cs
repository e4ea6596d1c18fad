using IommuKit.Analysis.Calibration;
using IommuKit.Lab.Costs;

namespace IommuKit.Cli.Commands;

/// <summary>Where costs come from.</summary>
/// <param name="Given">Costs that are taken as they are; null if they are fitted.</param>
/// <param name="Measurements">The file of times that they are fitted to; null for the proposal's table.</param>
/// <param name="Calibration">How they are fitted.</param>
internal sealed record CostRequest(CostVector? Given, string? Measurements, CalibrationOptions Calibration)
{
    /// <summary>
    /// The costs that times are computed with: those that were given, else those fitted to the measurements of the user, else the built-in ones. They
    /// are what 'bench' and 'replay' take too, so that one trace under one policy has one time. A fit to the proposal's table gives intervals only.
    /// </summary>
    /// <param name="calibration">The fit; null if costs were given.</param>
    public CostVector Take(CostCalibration? calibration) =>
        Given ?? (Measurements is null ? CostFile.Default : calibration!.ToVector($"fitted to {Path.GetFileName(Measurements)}"));
}
