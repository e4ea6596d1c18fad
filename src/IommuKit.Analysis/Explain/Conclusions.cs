using System.Globalization;
using IommuKit.Analysis.Calibration;
using IommuKit.Lab.Costs;

namespace IommuKit.Analysis.Explain;

/// <summary>Says in sentences what an explanation allows to conclude, and what not.</summary>
public static class Conclusions
{
    // A share known to fewer points than this counts as known.
    private const double Known = 0.25;

    // Less than a point is not worth a measurement.
    private const double Negligible = 0.01;

    /// <summary>The sentences.</summary>
    public static IReadOnlyList<string> Of(Explanation explanation)
    {
        ArgumentNullException.ThrowIfNull(explanation);
        var headline = explanation.Headline;
        string work = headline.Workload.Operation is { } operation
            ? $"{operation} of {headline.Workload.Name}"
            : NameOf(headline.Workload.Name);
        if (!headline.IsDifferent)
        {
            return [$"{work}: the two policies do the same, so there is nothing to explain."];
        }

        if (!headline.IsSure)
        {
            return
            [
                $"{work}: it cannot be concluded which of the two policies is faster, "
                    + "as costs that explain the times disagree on it; so there is no gain to split.",
            ];
        }

        var sentences = new List<string>();
        if (headline.IsLoss)
        {
            sentences.Add(
                $"{work}: the policy explained is the slower one. All shares are of what it loses, and each cause is one that it does without.");
        }

        string whole = headline.IsLoss ? "loss" : "gain";
        sentences.Add(
            $"{work}: {headline.Registers.Name} is {Share(headline, headline.Registers)} of the {whole}, "
                + $"the {headline.DmaSync.Name} {Share(headline, headline.DmaSync)}.");
        if (headline.Registers.Interval is not { } registers || headline.DmaSync.Interval is not { } sync)
        {
            sentences.Add(
                "How well these costs are known is not known, so there are no intervals: "
                    + "calibrate them, or name the measurements with --measurements.");
            return sentences;
        }

        sentences.Add(Compare(registers, sync, headline.IsLoss ? "costs" : "gives", explanation.Calibration!.Prior.Source?.Name));
        sentences.Add(Doubts(headline));
        if (explanation.Next is [var best, ..])
        {
            sentences.Add(best.Uncertainty < explanation.Uncertainty - Negligible
                ? $"The one measurement that would settle most: {best.Name}. "
                    + $"The four causes' intervals add up to {Points(explanation.Uncertainty)} now, "
                    + $"and to {Points(best.Uncertainty)} with it.{RunnerUp(explanation.Next)}"
                : "None of the measurements that were tried would narrow the intervals.");
        }

        sentences.Add(explanation.Calibration.Prior.Source is { } prior
            ? $"These intervals rest on the prior of {prior.Name}: without it (--no-prior) "
                + $"they would add up to {Points(explanation.OtherUncertainty)} instead of {Points(explanation.Uncertainty)}, "
                + "as the times alone cannot tell these costs apart."
            : "There is no prior: the intervals contain all costs that explain the times as well, "
                + $"and add up to {Points(explanation.Uncertainty)} instead of the {Points(explanation.OtherUncertainty)} "
                + $"with the prior of {CostFile.Default.Name}.");
        return sentences;
    }

    private static string Compare(Interval90 registers, Interval90 sync, string does, string? prior)
    {
        string given = prior is null ? "It" : $"If the prior of {prior} is right, it";
        return registers.Low > sync.High
            ? $"{given} can be concluded that TLB maintenance {does} more than the DMA sync: their intervals do not meet."
            : sync.Low > registers.High
                ? $"{given} can be concluded that the DMA sync {does} more than TLB maintenance: their intervals do not meet."
                : $"It cannot be concluded which of the two {does} more: their intervals overlap.";
    }

    /// <summary>How far the choice of the best measurement is to be trusted.</summary>
    private static string RunnerUp(IReadOnlyList<CandidateMeasurement> next)
    {
        string second = next.Count > 1 ? $" The next best: {next[1].Name}, {Points(next[1].Uncertainty)}." : string.Empty;
        return $"{second} Which one leads hangs on a threshold (docs/cost-model.md), so take it as a guide.";
    }

    private static string Doubts(Attribution headline)
    {
        string[] known = [.. headline.ByCause.Where(part => part.Interval!.Value.Width < Known).Select(Named)];
        string[] unknown = [.. headline.ByCause.Where(part => part.Interval!.Value.Width >= Known).Select(Named)];
        string firm = known.Length == 0 ? "no cause is known within 25 percentage points" : $"known within 25 percentage points: {string.Join(", ", known)}";
        return $"Of the causes, {firm}" + (unknown.Length == 0 ? "." : $"; not known: {string.Join(", ", unknown)}.");

        static string Named(AttributionPart part) => $"{part.Name} ({Range(part.Interval!.Value)})";
    }

    private static string Share(Attribution attribution, AttributionPart part) =>
        part.Interval is not { } interval ? Percent(part.Share)
        : attribution.IsUnique ? $"{Percent(part.Share)} ({Range(interval)})"
        : Range(interval);

    private static string Range(Interval90 interval) => $"{Number(interval.Low)} to {Percent(interval.High)}";

    private static string Percent(double share) => $"{Number(share)} %";

    private static string Points(double widths) => $"{Number(widths)} percentage points";

    /// <summary>A file by its name and folder, as files of many folders are called the same.</summary>
    private static string NameOf(string file) => string.Join('/', file.Split('/', '\\').TakeLast(2));

    private static string Number(double share) => (Math.Round(100 * share) + 0.0).ToString("0", CultureInfo.InvariantCulture);
}
