using MathNet.Numerics.Statistics;

namespace IommuKit.Analysis.Calibration;

/// <summary>How much single times of a cell scatter, relative to their mean.</summary>
internal static class CellSpread
{
    // What is taken where no cell has two times.
    private const double AssumedDeviation = 0.05;

    // What the resolution of a clock leaves even of times that are all the same.
    private const double LeastDeviation = 1e-3;

    // A variance from four samples is itself good to a factor of two only, so it is drawn towards that of the other cells,
    // which weigh like this many samples more.
    private const double SharedFreedom = 4;

    /// <summary>The variance of a single time of each cell.</summary>
    public static double[] VariancesOf(IReadOnlyList<MeasuredCell> cells)
    {
        double shared = SharedVariance(cells);
        return [.. cells.Select(cell =>
        {
            double freedom = cell.Samples.Count - 1;
            double own = cell.RelativeVariance ?? 0;
            return Math.Max(LeastDeviation * LeastDeviation, ((SharedFreedom * shared) + (freedom * own)) / (SharedFreedom + freedom));
        })];
    }

    /// <summary>The median over the cells: a cell that scatters by a factor of two says nothing of the others.</summary>
    public static double SharedVariance(IReadOnlyList<MeasuredCell> cells)
    {
        double[] variances = [.. cells.Select(cell => cell.RelativeVariance).OfType<double>()];
        return Math.Max(LeastDeviation * LeastDeviation, variances.Length == 0 ? AssumedDeviation * AssumedDeviation : variances.Median());
    }
}
