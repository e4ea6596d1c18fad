using IommuKit.Analysis.Calibration;
using IommuKit.Lab.Costs;

namespace IommuKit.Cli.Output;

/// <summary>A fitted cost as <c>iommukit calibrate</c> writes it to JSON and CSV. docs/json.md describes the fields.</summary>
internal sealed class CostTermRecord(CostCalibration calibration, CostTerm term)
{
    public string Term => CostTerms.NameOf(term);

    public double Us => Math.Round(calibration.Fit.Us[(int)term], 6);

    public double? Low => IsFitted ? Math.Round(calibration.Intervals[(int)term].Low, 6) : null;

    public double? High => IsFitted ? Math.Round(calibration.Intervals[(int)term].High, 6) : null;

    public double? PriorUs => PriorWidthUs is null ? null : calibration.Prior.UsOf(term);

    public double? PriorWidthUs => calibration.Prior.WidthOf(term);

    public string Identified => CalibrationText.IdentifiedBy(calibration.Identifiability, term);

    private bool IsFitted => calibration.Fit.Terms.Contains(term);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<CostTermRecord> Of(CalibrationView view) =>
        [.. CostTerms.All.Select(term => new CostTermRecord(view.Calibration, term))];
}
