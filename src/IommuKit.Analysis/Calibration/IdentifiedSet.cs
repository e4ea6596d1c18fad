using MathNet.Numerics.LinearAlgebra;

namespace IommuKit.Analysis.Calibration;

/// <summary>
/// All costs, none negative, that explain the times as well as given ones: those that agree in the directions that the times determine. That is a
/// polytope, and whatever is linear in the costs, or a ratio of such, has its extremes at its corners.
/// </summary>
/// <remarks>
/// A corner has as many costs above zero as directions are determined. There are at most 462 ways to choose them from 11, so all are tried; what
/// each makes of a point is a matrix that is computed once.
/// </remarks>
internal sealed class IdentifiedSet
{
    // Beyond it rounding decides whether a corner exists.
    private const double MaxCondition = 1e8;
    private const double Tolerance = 1e-9;

    private readonly int _terms;
    private readonly List<(int[] Terms, double[,] Map)> _corners = [];

    public IdentifiedSet(FitDirections directions)
    {
        _terms = directions.Basis.ColumnCount;
        var determined = directions.Basis.SubMatrix(0, directions.Determined, 0, _terms);
        foreach (int[] terms in Choices(_terms, directions.Determined))
        {
            var square = Matrix<double>.Build.Dense(terms.Length, terms.Length, (row, column) => determined[row, terms[column]]);
            if (square.ConditionNumber() < MaxCondition)
            {
                _corners.Add((terms, square.LU().Solve(determined).ToArray()));
            }
        }
    }

    /// <summary>The corners of the set around a point of it.</summary>
    public IEnumerable<double[]> ExtremesAround(double[] point)
    {
        double least = -Tolerance * point.Max();
        foreach (var (terms, map) in _corners)
        {
            double[] corner = new double[_terms];
            bool isInside = true;
            for (int row = 0; row < terms.Length && isInside; row++)
            {
                double value = 0;
                for (int column = 0; column < _terms; column++)
                {
                    value += map[row, column] * point[column];
                }

                isInside = value >= least;
                corner[terms[row]] = Math.Max(0, value);
            }

            if (isInside)
            {
                yield return corner;
            }
        }
    }

    private static IEnumerable<int[]> Choices(int from, int count) =>
        Enumerable.Range(0, 1 << from)
            .Where(set => int.PopCount(set) == count)
            .Select(set => Enumerable.Range(0, from).Where(bit => (set >> bit & 1) != 0).ToArray());
}
