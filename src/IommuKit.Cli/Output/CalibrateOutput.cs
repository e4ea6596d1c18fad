using System.Globalization;
using IommuKit.Analysis.Calibration;
using IommuKit.Lab;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit calibrate</c> says.</summary>
internal static class CalibrateOutput
{
    /// <summary>A fitted cost.</summary>
    public static FieldList<FittedCost> CostFields { get; } = new("calibrate-cost")
    {
        { "term", "the kind of operation", cost => OperationKinds.NameOf(cost.Kind), new("Operation") },
        { "us", "what it costs", cost => cost.Us, new("µs", 0, Number) },
        { "low", "the lower end of its 90 % interval; null if it was not fitted", cost => cost.Low },
        { "high", "the upper end", cost => cost.High },
        { "prior_us", "its prior; null without", cost => cost.PriorWidth is null ? null : cost.PriorUs },
        { "prior_width_us", "the standard deviation of its prior", cost => cost.PriorWidth },
        {
            "identified",
            "whether the times alone tell it: `yes`, `not told apart`, `too small to see`, `not in them`",
            cost => cost.Identified,
            new("From the times alone", 2)
        },
    };

    /// <summary>A measured cell. All its times but two are measured, by the author of the table.</summary>
    public static FieldList<FittedCell> CellFields { get; } = new("calibrate-cell")
    {
        { "iommu", "the IOMMU", cell => cell.Work.Iommu },
        { "op", "`map` or `unmap`", cell => Names.Of(cell.Work.Operation), new("Op") },
        { "size_bytes", "the size", cell => cell.Work.Size, new("Size", 0, ByteSize.Format, IsNumber: false) },
        { "policy", Promises.PolicyMeaning, cell => cell.Work.Policy.ToString(), new("Policy") },
        { "tables", "`existing` or `fresh`", cell => Names.Of(cell.Work.Tables) },
        { "samples", "measured times", cell => cell.Cell.Samples.Count },
        { "mean_us", "their mean", cell => Math.Round(cell.Cell.Mean, 3), new("Mean µs", 0, Time) },
        { "min_us", "the least of them", cell => cell.Cell.Min },
        { "max_us", "the most of them", cell => cell.Cell.Max },
        { "fit_us", "what the fitted costs make of it", cell => Math.Round(cell.FitUs, 3), new("Fit µs", 0, Time) },
        { "error", "how far that is from the mean, relative to it", cell => Math.Round(cell.Error, 4), new("Off", 0, Numbers.Off) },
        {
            "left_out_us",
            "its prediction from the other sizes; null with one size",
            cell => cell.LeftOut is { } leftOut ? Math.Round(leftOut.PredictedUs, 3) : null,
            new("Without its size", 1, us => us is { } some ? Time(some) : string.Empty)
        },
        {
            "left_out_excess",
            "how far that is outside the samples, relative to the nearer end, 0 within",
            cell => cell.LeftOut is { } leftOut ? Math.Round(leftOut.Excess, 4) : null,
            new("Outside samples", 2, excess => excess is { } some ? (some == 0 ? "within" : Numbers.Off(some)) : string.Empty)
        },
    };

    /// <summary>A calibration, and the costs that it comes to.</summary>
    public static FieldList<(CostCalibration Calibration, CostVector Costs)> Fields { get; } = new("calibrate")
    {
        { "name", "the name of the fitted costs", fit => fit.Costs.Name },
        { "description", "how they came about", fit => fit.Costs.Description },
        { "prior", "the costs that the priors come from", fit => fit.Calibration.Prior.Source?.Name, Maybe.Null },
        { "samples", "measured times", fit => fit.Calibration.SampleCount },
        { "resamples", "how often intervals were drawn", fit => fit.Calibration.Options.Resamples },
        { "seed", "where their random numbers started", fit => fit.Calibration.Options.Seed },
        {
            "r_squared",
            "share of the variance of the logarithms of the times that the fit explains",
            fit => fit.Calibration.RSquared,
            6
        },
        { "max_error", "largest error of a cell's fit, relative to its mean", fit => fit.Calibration.MaxError, 4 },
        {
            "misfit",
            "what no costs of this form explain, as a standard deviation relative to a cell's time; intervals contain it. null: too few cells to show one",
            fit => fit.Calibration.Fit.IsMisfitKnown ? fit.Calibration.Fit.Misfit : null,
            4
        },
        { "rank", "combinations of costs that the times determine by themselves", fit => fit.Calibration.Identifiability.Rank },
        {
            "condition",
            "condition of the weighted counts, columns brought to length 1; null if it is infinite",
            fit => double.IsFinite(fit.Calibration.Identifiability.Condition) ? fit.Calibration.Identifiability.Condition : null,
            1
        },
        { "costs", "the costs", CostFields, fit => FittedCost.Of(fit.Calibration) },
        { "cells", "the cells of the measurements", CellFields, fit => FittedCell.Of(fit.Calibration) },
        { "conclusions", "sentences", fit => CalibrationText.Of(fit.Calibration) },
    };

    public static void Write(Results results, CostCalibration calibration, CostVector costs) => results.WriteOne(
        Fields,
        (calibration, costs),
        CostFields,
        FittedCost.Of(calibration),
        (console, isMarkdown) => WriteTables(console, calibration, costs, isMarkdown));

    private static void WriteTables(IAnsiConsole console, CostCalibration calibration, CostVector costs, bool isMarkdown)
    {
        var tables = new TableSet(console, isMarkdown);
        tables.Write(CostTable(calibration, costs, isMarkdown));
        console.WriteLine();
        tables.Write(CellTable(calibration, isMarkdown));
        console.WriteLine();
        tables.WriteLeftOut();
        tables.Legend(
            ("Without its size", "what costs fitted to the other sizes predict"), ("Outside samples", "how far that is outside of what was measured"));
        foreach (string sentence in CalibrationText.Of(calibration))
        {
            console.Note(isMarkdown, sentence);
        }
    }

    private static ColumnTable CostTable(CostCalibration calibration, CostVector costs, bool isMarkdown) => ColumnTable.Of(
        $"{costs.Name}: {costs.Description}",
        isMarkdown,
        [
            .. CostFields.Columns("term", "us"),
            new("90 % interval", 0, cost => cost.Low is { } low && cost.High is { } high ? $"{Number(low)}–{Number(high)}" : "not fitted"),
            new("Prior µs", 1, cost => cost.PriorWidth is { } width ? $"{Number(cost.PriorUs)} ± {Number(width)}" : string.Empty),
            .. CostFields.Columns("identified"),
        ],
        FittedCost.Of(calibration));

    private static ColumnTable CellTable(CostCalibration calibration, bool isMarkdown) => ColumnTable.Of(
        "Measured times, and what the fitted costs make of them",
        isMarkdown,
        [
            .. CellFields.Columns("op", "size_bytes", "policy", "mean_us"),
            new("Samples", 3, cell => FormattableString.Invariant($"{cell.Cell.Min:0}–{cell.Cell.Max:0}")),
            .. CellFields.Columns("fit_us", "error", "left_out_us", "left_out_excess"),
        ],
        FittedCell.Of(calibration));

    private static string Number(double us) => us.ToString(us < 0.1 ? "0.0000" : "0.000", CultureInfo.InvariantCulture);

    private static string Time(double us) => us.ToString(us < 100 ? "0.0" : "#,0", CultureInfo.InvariantCulture);
}

/// <summary>A fitted cost.</summary>
internal sealed record FittedCost(OperationKind Kind, double Us, double? Low, double? High, double PriorUs, double? PriorWidth, string Identified)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<FittedCost> Of(CostCalibration calibration) =>
    [
        .. calibration.Prior.Kinds.Select(kind =>
        {
            Interval90? interval = calibration.Fit.Terms.Contains(kind) ? calibration.Intervals[(int)kind] : null;
            return new FittedCost(
                kind,
                Math.Round(calibration.Fit.Us[(int)kind], 6),
                interval is null ? null : Math.Round(interval.Value.Low, 6),
                interval is null ? null : Math.Round(interval.Value.High, 6),
                calibration.Prior.UsOf(kind),
                calibration.Prior.WidthOf(kind),
                CalibrationText.IdentifiedBy(calibration.Identifiability, kind));
        }),
    ];
}

/// <summary>A cell of the measurements, its fit, and its prediction from the other sizes.</summary>
internal sealed record FittedCell(MeasuredCell Cell, double FitUs, double Error, LeftOutCell? LeftOut)
{
    /// <summary>What was measured.</summary>
    public MeasuredWork Work => Cell.Work!.Value;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FittedCell> Of(CostCalibration calibration) =>
    [
        .. calibration.Fit.Cells.Select((cell, i) => new FittedCell(
            cell, calibration.Fit.Predict(cell.Counts), calibration.Fit.ErrorOf(cell), calibration.LeftOut.ElementAtOrDefault(i))),
    ];
}

/// <summary>Says in sentences how good a calibration is.</summary>
internal static class CalibrationText
{
    /// <summary>What the times say of a cost by themselves, in a few words.</summary>
    public static string IdentifiedBy(Identifiability identifiability, OperationKind term) =>
        identifiability.NotInData.Contains(term) ? "not in them"
        : identifiability.Determined.Contains(term) ? "yes"
        : identifiability.Confused.First(group => group.Contains(term)).Count == 1 ? "too small to see"
        : "not told apart";

    /// <summary>The sentences.</summary>
    public static IReadOnlyList<string> Of(CostCalibration calibration)
    {
        var identifiability = calibration.Identifiability;
        int present = calibration.Prior.Kinds.Count - identifiability.NotInData.Count;
        var sentences = new List<string>
        {
            string.Create(
                CultureInfo.InvariantCulture,
                $"R² of log times {calibration.RSquared:0.000}; largest error of a cell {calibration.MaxError:0 %}; {Misfit(calibration.Fit)}."),
            $"The times by themselves determine {Numbers.Count(identifiability.Rank, "combination")} of {present} costs.",
        };
        sentences.AddRange(identifiability.Confused.Where(group => group.Count > 1).Select(group => $"They cannot tell apart: {Names(group)}."));
        if (identifiability.ParallelPairs.Count != 0)
        {
            var pairs = identifiability.ParallelPairs.Select(pair => Names([pair.First, pair.Second]));
            sentences.Add($"Always in the same proportion: {string.Join("; ", pairs)}.");
        }

        if (calibration.LeftOut.Count != 0)
        {
            sentences.Add(Prediction(calibration.LeftOut));
        }

        return sentences;
    }

    private static string Misfit(CostFit fit) => fit.IsMisfitKnown
        ? string.Create(CultureInfo.InvariantCulture, $"misfit that no costs of this form explain {fit.Misfit:0 %} (in the intervals)")
        : "no more cells than unknowns, so that any times would fit: a misfit cannot be seen, is not in the intervals, and they are too narrow";

    private static string Prediction(IReadOnlyList<LeftOutCell> cells)
    {
        var outside = cells.Where(cell => !cell.IsWithinSamples).ToList();
        string text = $"Fitted without its size, {cells.Count - outside.Count} of {cells.Count} cells are predicted within their samples.";
        int unreachable = outside.Count(cell => !cell.IsReachable);
        if (unreachable != 0)
        {
            text += $" Of the others {unreachable} {(unreachable == 1 ? "takes" : "take")} more time per page than the same work at a smaller size, "
                + "or less than at a larger one, which no sum over calls and pages can predict.";
        }

        var rest = outside.Where(cell => cell.IsReachable).ToList();
        return rest.Count == 0
            ? text
            : $"{text} {rest.Count} {(rest.Count == 1 ? "is" : "are")} off by up to {Numbers.Percent(rest.Max(cell => Math.Abs(cell.Excess)))}: "
                + "so far do costs fitted to the other sizes carry.";
    }

    private static string Names(IEnumerable<OperationKind> terms) => string.Join(", ", terms.Select(OperationKinds.NameOf));
}
