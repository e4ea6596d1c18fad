using MathNet.Numerics.LinearAlgebra;

namespace IommuKit.Analysis.Calibration;

/// <summary>
/// The singular value decomposition of a fit's equations, columns brought to length 1: along which directions of cost space the times say something.
/// </summary>
/// <remarks>
/// A direction is determined if the times fix it to a fifth of the range that it could have at all. One standard error along it is the inverse of its
/// singular value; the range is the length of the right-hand side, because no column may explain more than everything.
/// </remarks>
internal sealed class FitDirections
{
    // Standard errors in the range of a direction that counts as determined.
    private const double LeastRange = 5;

    /// <summary>Decomposes equations.</summary>
    /// <param name="equations">The equations, in units of their standard errors, with columns of length 1.</param>
    /// <param name="length">The length of the right-hand side.</param>
    public FitDirections(Matrix<double> equations, double length)
    {
        // With fewer equations than columns the decomposition leaves the rest of V out unless it is padded.
        int columns = equations.ColumnCount;
        var padded = equations.RowCount >= columns
            ? equations
            : equations.Stack(Matrix<double>.Build.Dense(columns - equations.RowCount, columns));
        var svd = padded.Svd();
        SingularValues = svd.S.AsArray();
        Basis = svd.VT;

        // Something is always known: how long everything takes together.
        Determined = Math.Max(1, SingularValues.Count(value => value * length >= LeastRange));
    }

    /// <summary>The singular values, from the largest on.</summary>
    public double[] SingularValues { get; }

    /// <summary>The directions, as rows, in the order of the singular values.</summary>
    public Matrix<double> Basis { get; }

    /// <summary>How many directions the times determine: the first ones.</summary>
    public int Determined { get; }

    /// <summary>The orthogonal projection onto what is not determined: zero if everything is.</summary>
    public double[,] ProjectUndetermined()
    {
        int columns = Basis.ColumnCount;
        double[,] projection = new double[columns, columns];
        for (int direction = Determined; direction < columns; direction++)
        {
            for (int i = 0; i < columns; i++)
            {
                for (int j = 0; j < columns; j++)
                {
                    projection[i, j] += Basis[direction, i] * Basis[direction, j];
                }
            }
        }

        return projection;
    }
}
