using IommuKit.Analysis.Calibration;
using IommuKit.Lab.Costs;
using IommuKit.Traces;

namespace IommuKit.Cli.Runs;

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

    /// <summary>Fits costs to the measurements, or to the proposal's table if there are none; null if costs were given.</summary>
    /// <param name="report">Told of the phase and how much of it is done; or null.</param>
    /// <exception cref="InputException">The measurements cannot be used.</exception>
    public CostCalibration? Fit(Action<string, double>? report) => Given is null ? Fit(Measurements, Calibration, report) : null;

    /// <summary>Fits costs to a file, or to the proposal's table if there is none.</summary>
    public static CostCalibration Fit(string? file, CalibrationOptions options, Action<string, double>? report) => CostCalibration.Run(
        file ?? CostCalibration.SeedTableName,
        file is null ? MeasurementFile.SeedTable : MeasurementFile.Load(file),
        options,
        report is null ? null : share => report("count the measured work on the model", share));
}
