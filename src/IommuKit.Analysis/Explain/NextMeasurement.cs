using IommuKit.Analysis.Calibration;
using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Explain;

/// <summary>Finds the one further measurement that would leave least in doubt.</summary>
internal static class NextMeasurement
{
    private const int Samples = 4;
    private const int Resamples = 200;
    private const double Loops = 1000;

    /// <summary>Tries out what could be timed, the most telling first.</summary>
    /// <param name="calibration">What is known.</param>
    /// <param name="workload">The gain that is to be split.</param>
    public static IReadOnlyList<CandidateMeasurement> Rank(CostCalibration calibration, Workload workload)
    {
        ArgumentNullException.ThrowIfNull(calibration);
        ArgumentNullException.ThrowIfNull(workload);
        return [.. Candidates(workload)
            .Where(candidate => calibration.Fit.Predict(candidate.Counts) > 0)
            .Select(candidate => new CandidateMeasurement(candidate.Name, candidate.Counts, UncertaintyWith(calibration, workload, candidate.Counts)))
            .OrderBy(candidate => candidate.Uncertainty)];
    }

    /// <summary>Loops over one primitive, which need no change of a kernel's page-table code, and mixtures of the two policies, which do.</summary>
    private static IEnumerable<(string Name, double[] Counts)> Candidates(Workload workload)
    {
        yield return ("1000 register writes in a row and one read-back", Vector((OperationKind.RegisterWrite, Loops), (OperationKind.RegisterRead, 1)));
        yield return ("1000 read-backs in a row", Vector((OperationKind.RegisterRead, Loops)));
        yield return (
            "1000 DMA syncs of one entry each (a line cleaned, a barrier)", Vector((OperationKind.LineCleaned, Loops), (OperationKind.Barrier, Loops)));
        yield return ("1000 barriers in a row", Vector((OperationKind.Barrier, Loops)));
        string what = $"{workload.Operation?.ToString().ToLowerInvariant() ?? "the work"} of {workload.Name}";
        yield return (
            $"the register writes and read-backs of {what} page by page, without the cleans",
            [.. workload.With(Causes.None).Select((count, term) => (OperationKind)term is OperationKind.RegisterWrite or OperationKind.RegisterRead ? count : 0)]);
        yield return ($"{what} with only the cleans gathered", workload.With(Causes.Cleans));
        yield return ($"{what} with only the invalidations gathered", workload.With(Causes.Invalidations));
        yield return ($"{what} with only the waits put off to the end", workload.With(Causes.Waits));
        yield return ($"{what} page by page in software, with all maintenance gathered", workload.With(Causes.All & ~Causes.Software));
    }

    private static double UncertaintyWith(CostCalibration calibration, Workload workload, IReadOnlyList<double> counts)
    {
        var fit = calibration.Fit;
        double expected = fit.Predict(counts);

        // Four times that scatter as those of the other cells do.
        double deviation = Math.Sqrt(CellSpread.SharedVariance(fit.Cells));
        double[] samples = [.. Enumerable.Range(0, Samples).Select(i => expected * (1 + (deviation * ((i & 1) == 0 ? 1 : -1))))];
        var more = CostFit.Of([.. fit.Cells, new MeasuredCell(null, samples, counts)], calibration.Prior, fit.Misfit);
        return Attribution.Uncertainty(workload, more.Resample(Resamples, calibration.Options.Seed));
    }

    private static double[] Vector(params (OperationKind Term, double Count)[] counts)
    {
        double[] vector = new double[OperationKinds.All.Count];
        foreach (var (term, count) in counts)
        {
            vector[(int)term] = count;
        }

        return vector;
    }
}
