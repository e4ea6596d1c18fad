namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit calibrate --json</c> writes. docs/json.md describes the fields.</summary>
internal sealed class CalibrationRecord(CalibrationView view)
{
    public string Name => view.Costs.Name;

    public string Description => view.Costs.Description;

    public string? Prior => view.Calibration.Prior.Source?.Name;

    public int Samples => view.Calibration.SampleCount;

    public int Resamples => view.Calibration.Options.Resamples;

    public int Seed => view.Calibration.Options.Seed;

    public double RSquared => Math.Round(view.Calibration.RSquared, 6);

    public double MaxError => Math.Round(view.Calibration.MaxError, 4);

    public double? Misfit => view.Calibration.Fit.IsMisfitKnown ? Math.Round(view.Calibration.Fit.Misfit, 4) : null;

    public int Rank => view.Calibration.Identifiability.Rank;

    public double? Condition =>
        double.IsFinite(view.Calibration.Identifiability.Condition) ? Math.Round(view.Calibration.Identifiability.Condition, 1) : null;

    public IReadOnlyList<CostTermRecord> Costs => CostTermRecord.Of(view);

    public IReadOnlyList<CalibrationCellRecord> Cells => CalibrationCellRecord.Of(view.Calibration);

    public IReadOnlyList<string> Conclusions => CalibrationText.Of(view.Calibration);
}
