using IommuKit.Lab.Machines;
using MathNet.Numerics.Distributions;

namespace IommuKit.Analysis.Calibration;

/// <summary>
/// Costs fitted to measured times by weighted non-negative least squares of relative errors. docs/cost-model.md gives the reasoning.
/// </summary>
public sealed class CostFit
{
    // The weights depend on the misfit, the misfit on the fit, and the fit on the weights; this settles to a percent in three rounds.
    private const int Rounds = 4;

    private readonly FitProblem _problem;

    // Cells beyond the combinations of costs that they determine.
    private readonly int _freedom;

    private CostFit(IReadOnlyList<MeasuredCell> cells, CostPrior prior, double? fixedMisfit)
    {
        Cells = cells;
        Prior = prior;
        _freedom = cells.Count - DataRank();
        double[] variances = [.. CellSpread.VariancesOf(cells).Select((variance, i) => variance / cells[i].Samples.Count)];

        // The first weights are equal: relative errors count alike.
        Misfit = fixedMisfit ?? 1;
        _problem = Problem();
        Us = _problem.Solve(Ones(cells.Count));
        for (int round = 0; round < Rounds && fixedMisfit is null; round++)
        {
            Misfit = MisfitOf(variances);
            _problem = Problem();
            Us = _problem.Solve(Ones(cells.Count));
        }

        FitProblem Problem() => new(cells, [.. variances.Select(variance => Math.Sqrt(variance + (Misfit * Misfit)))], prior);
    }

    /// <summary>The cells.</summary>
    public IReadOnlyList<MeasuredCell> Cells { get; }

    /// <summary>What was known beside them.</summary>
    public CostPrior Prior { get; }

    /// <summary>The costs in microseconds, by <see cref="OperationKind"/>.</summary>
    public IReadOnlyList<double> Us { get; }

    /// <summary>
    /// What no costs can explain, as a standard deviation relative to the time of a cell: the scatter of the cells around the fit beyond that of the
    /// samples within the cells. Intervals contain it.
    /// </summary>
    public double Misfit { get; }

    /// <summary>
    /// Whether there are more cells than the times determine combinations of costs. If not, any times fit, <see cref="Misfit"/> is 0 because nothing
    /// could show one, and intervals leave it out.
    /// </summary>
    public bool IsMisfitKnown => _freedom > 0;

    /// <summary>Terms that are free or have a prior; the others keep what the prior assumes.</summary>
    public IReadOnlyList<OperationKind> Terms => _problem.Terms;

    /// <summary>
    /// Whether the times and priors together single one vector of costs out. If not, the costs here are one of many that explain the times as well,
    /// and only intervals mean something.
    /// </summary>
    public bool IsUnique => Directions.Determined == Terms.Count;

    /// <summary>What the equations, priors among them, determine.</summary>
    internal FitDirections Directions => _problem.Directions;

    /// <summary>Fits costs.</summary>
    /// <param name="cells">The measured cells, at least one.</param>
    /// <param name="prior">What is known beside them.</param>
    public static CostFit Of(IReadOnlyList<MeasuredCell> cells, CostPrior prior) => Of(cells, prior, fixedMisfit: null);

    /// <summary>Fits costs, with a misfit that is known.</summary>
    internal static CostFit Of(IReadOnlyList<MeasuredCell> cells, CostPrior prior, double? fixedMisfit)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(prior);
        return new CostFit(cells, prior, fixedMisfit);
    }

    /// <summary>The time of some work.</summary>
    /// <param name="counts">Its counts, by <see cref="OperationKind"/>.</param>
    public double Predict(IReadOnlyList<double> counts) => counts.Zip(Us, (count, us) => count * us).Sum();

    /// <summary>How far the fit is from the mean of a cell, relative to that.</summary>
    public double ErrorOf(MeasuredCell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return (Predict(cell.Counts) / cell.Mean) - 1;
    }

    /// <summary>
    /// The costs again and again, for times and priors that might as well have been had: samples drawn from each cell's with replacement, cells moved
    /// by the misfit, priors moved by their widths.
    /// </summary>
    /// <param name="count">How often.</param>
    /// <param name="seed">Starts the random numbers; the same seed gives the same draws.</param>
    public IReadOnlyList<CostDraw> Resample(int count, int seed)
    {
        var random = new Random(seed);
        double shared = Math.Sqrt(CellSpread.SharedVariance(Cells));
        var draws = new CostDraw[count];
        for (int i = 0; i < count; i++)
        {
            double[] times = [.. Cells.Select(cell => Redraw(cell, shared, random))];
            double[] priors = new double[OperationKinds.All.Count];
            foreach (var term in Prior.Kinds)
            {
                priors[(int)term] = Prior.UsOf(term) + ((Prior.WidthOf(term) ?? 0) * Normal.Sample(random, 0, 1));
            }

            draws[i] = _problem.Draw(times, priors);
        }

        return draws;
    }

    private double Redraw(MeasuredCell cell, double sharedDeviation, Random random)
    {
        // Below this a time would be next to nothing; a resample that far out is one of the tail in any case.
        const double Least = 0.05;
        int count = cell.Samples.Count;
        double offset;
        if (count == 1)
        {
            offset = Normal.Sample(random, 0, sharedDeviation);
        }
        else
        {
            double sum = 0;
            for (int i = 0; i < count; i++)
            {
                sum += cell.Samples[random.Next(count)];
            }

            // The mean of n draws from n samples scatters less than the mean of n new samples would, by this factor.
            offset = ((sum / count / cell.Mean) - 1) * Math.Sqrt(count / (count - 1.0));
        }

        return Math.Max(Least, 1 + offset + Normal.Sample(random, 0, Misfit));
    }

    /// <summary>The scatter of cells around the fit, less what the scatter of samples explains of it.</summary>
    private double MisfitOf(double[] variances)
    {
        if (!IsMisfitKnown)
        {
            return 0;
        }

        double squares = Cells.Sum(cell => ErrorOf(cell) * ErrorOf(cell));
        return Math.Sqrt(Math.Max(0, (squares / _freedom) - variances.Average()));
    }

    private int DataRank() =>
        new FitProblem(Cells, [.. Cells.Select(_ => 1.0)], Prior.Without()).Directions.SingularValues.Count(value => value > 1e-2);

    private static double[] Ones(int count) => [.. Enumerable.Repeat(1.0, count)];
}
