using IommuKit.Lab.Costs;
using IommuKit.Lab.Costs.Calibration;

namespace IommuKit.Cli.Commands;

/// <summary>Where costs come from.</summary>
/// <param name="Given">Costs that are taken as they are; null if they are fitted.</param>
/// <param name="Measurements">The file of times that they are fitted to; null for the proposal's table.</param>
/// <param name="Calibration">How they are fitted.</param>
internal sealed record CostRequest(CostVector? Given, string? Measurements, CalibrationOptions Calibration);
