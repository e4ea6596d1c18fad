using System.Globalization;
using IommuKit.Analysis.Calibration;
using IommuKit.Lab.Costs;

namespace IommuKit.Cli.Output;

/// <summary>Says in sentences how good a calibration is.</summary>
internal static class CalibrationText
{
    /// <summary>What the times say of a cost by themselves, in a few words.</summary>
    public static string IdentifiedBy(Identifiability identifiability, CostTerm term) =>
        identifiability.NotInData.Contains(term) ? "not in them"
        : identifiability.Determined.Contains(term) ? "yes"
        : identifiability.Confused.First(group => group.Contains(term)).Count == 1 ? "too small to see"
        : "not told apart";

    /// <summary>The sentences.</summary>
    public static IReadOnlyList<string> Of(CostCalibration calibration)
    {
        var identifiability = calibration.Identifiability;
        int present = CostTerms.All.Count - identifiability.NotInData.Count;
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

    private static string Names(IEnumerable<CostTerm> terms) => string.Join(", ", terms.Select(CostTerms.NameOf));
}
