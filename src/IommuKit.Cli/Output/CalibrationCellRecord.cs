using IommuKit.Analysis.Calibration;

namespace IommuKit.Cli.Output;

/// <summary>A measured cell as <c>iommukit calibrate --json</c> writes it. docs/json.md describes the fields.</summary>
internal sealed class CalibrationCellRecord(CostCalibration calibration, MeasuredCell cell, LeftOutCell? leftOut)
{
    private readonly MeasuredWork _work = cell.Work!.Value;

    public string Iommu => _work.Iommu;

    public string Op => Names.Of(_work.Operation);

    public ulong SizeBytes => _work.Size;

    public string Policy => _work.Policy.ToString();

    public string Tables => Names.Of(_work.Tables);

    public int Samples => cell.Samples.Count;

    public double MeanUs => Math.Round(cell.Mean, 3);

    public double MinUs => cell.Min;

    public double MaxUs => cell.Max;

    public double FitUs => Math.Round(calibration.Fit.Predict(cell.Counts), 3);

    public double Error => Math.Round(calibration.Fit.ErrorOf(cell), 4);

    public double? LeftOutUs => leftOut is null ? null : Math.Round(leftOut.PredictedUs, 3);

    public double? LeftOutExcess => leftOut is null ? null : Math.Round(leftOut.Excess, 4);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<CalibrationCellRecord> Of(CostCalibration calibration) =>
        [.. calibration.Fit.Cells.Select((cell, i) => new CalibrationCellRecord(calibration, cell, calibration.LeftOut.ElementAtOrDefault(i)))];
}
