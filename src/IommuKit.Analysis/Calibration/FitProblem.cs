using IommuKit.Lab.Machines;
using MathNet.Numerics.LinearAlgebra;

namespace IommuKit.Analysis.Calibration;

/// <summary>
/// The weighted equations of a fit: for each cell, counts times costs is the mean time, in units of its standard error; and for each prior, the cost
/// is its centre, in units of its width. One instance serves many right-hand sides.
/// </summary>
internal sealed class FitProblem
{
    // Makes the solution unique where the equations do not: of all equally good ones it picks the shortest, and moves none by more than a millionth.
    private const double Ridge = 1e-6;

    private readonly double[] _errors;
    private readonly double[] _scales;
    private readonly OperationKind[] _priorTerms;
    private readonly CostPrior _prior;
    private readonly Matrix<double> _equations;
    private readonly Matrix<double> _gram;
    private readonly Lazy<IdentifiedSet?> _identified;

    /// <summary>Sets the equations up.</summary>
    /// <param name="cells">The cells.</param>
    /// <param name="errors">Standard error of each cell's mean, relative to it.</param>
    /// <param name="prior">What is known beside them.</param>
    public FitProblem(IReadOnlyList<MeasuredCell> cells, double[] errors, CostPrior prior)
    {
        _errors = errors;
        _prior = prior;
        _priorTerms = [.. prior.Kinds.Where(term => prior.WidthOf(term) is not null)];
        Terms = [.. prior.Kinds.Where(term => prior.WidthOf(term) is not null || cells.Any(cell => cell.Counts[(int)term] != 0))];
        int rows = cells.Count + _priorTerms.Length;
        _equations = Matrix<double>.Build.Dense(rows, Terms.Count, (row, column) =>
            row < cells.Count
                ? cells[row].Counts[(int)Terms[column]] / cells[row].Mean / errors[row]
                : _priorTerms[row - cells.Count] == Terms[column] ? 1 / prior.WidthOf(Terms[column])!.Value : 0);
        _scales = [.. _equations.EnumerateColumns().Select(column => column.L2Norm())];
        for (int column = 0; column < Terms.Count; column++)
        {
            _equations.SetColumn(column, _equations.Column(column) / _scales[column]);
        }

        _gram = _equations.TransposeThisAndMultiply(_equations) + (Matrix<double>.Build.DenseIdentity(Terms.Count) * Ridge);
        Directions = new FitDirections(_equations, Math.Sqrt(errors.Sum(error => 1 / (error * error))));
        _identified = new(() => Directions.Determined < Terms.Count ? new IdentifiedSet(Directions) : null);
    }

    /// <summary>The terms that the equations have.</summary>
    public IReadOnlyList<OperationKind> Terms { get; }

    /// <summary>What the equations determine, and what they do not.</summary>
    public FitDirections Directions { get; }

    /// <summary>The best costs for some times, by <see cref="OperationKind"/>. Terms that the equations do not have get what the prior assumes.</summary>
    /// <param name="times">The mean of each cell, in units of the cell's measured mean.</param>
    /// <param name="priors">The centre of each prior in microseconds, by <see cref="OperationKind"/>; null for those of the prior itself.</param>
    public double[] Solve(double[] times, double[]? priors = null) => Costs(SolveScaled(times, priors));

    /// <summary>The best costs for some times, and beside them the extremes of all that are as good.</summary>
    public CostDraw Draw(double[] times, double[] priors)
    {
        double[] best = SolveScaled(times, priors);
        return new CostDraw([Costs(best), .. _identified.Value?.ExtremesAround(best).Select(Costs) ?? []]);
    }

    private double[] SolveScaled(double[] times, double[]? priors)
    {
        var right = Vector<double>.Build.Dense(_equations.RowCount, row =>
        {
            if (row < times.Length)
            {
                return times[row] / _errors[row];
            }

            var term = _priorTerms[row - times.Length];
            return (priors?[(int)term] ?? _prior.UsOf(term)) / _prior.WidthOf(term)!.Value;
        });
        return NonNegativeLeastSquares.Solve(_gram, _equations.TransposeThisAndMultiply(right).AsArray());
    }

    private double[] Costs(double[] scaled)
    {
        double[] costs = [.. OperationKinds.All.Select(_prior.UsOf)];
        for (int column = 0; column < scaled.Length; column++)
        {
            costs[(int)Terms[column]] = scaled[column] / _scales[column];
        }

        return costs;
    }
}
