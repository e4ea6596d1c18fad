using MathNet.Numerics.LinearAlgebra;

namespace IommuKit.Analysis.Calibration;

/// <summary>
/// Least squares with no unknown below zero: the active-set method of Lawson and Hanson (Solving Least Squares Problems, 1974, chapter 23), on the
/// normal equations as Bro and de Jong have it (J. Chemometrics 11, 1997), because many right-hand sides share them here.
/// </summary>
internal static class NonNegativeLeastSquares
{
    // Relative to right-hand sides of the order of 1 to 1000, what rounding leaves of a gradient that is 0.
    private const double Tolerance = 1e-10;

    /// <summary>Minimises |A x - b| over x of no negative element.</summary>
    /// <param name="gram">The product of A transposed and A, positive definite.</param>
    /// <param name="target">The product of A transposed and b.</param>
    public static double[] Solve(Matrix<double> gram, double[] target)
    {
        int n = target.Length;
        double[] x = new double[n];
        var passive = new List<int>(n);
        double scale = Tolerance * target.Select(Math.Abs).Append(1).Max();

        // Every unknown enters and leaves a few times at most; the bound only guards against rounding that goes round in circles.
        for (int round = 0; round < 10 * n; round++)
        {
            int best = MostPromising(gram, target, x, passive, scale);
            if (best < 0)
            {
                break;
            }

            passive.Add(best);
            while (passive.Count != 0)
            {
                double[] trial = SolvePassive(gram, target, passive);
                if (trial.All(value => value > 0))
                {
                    Array.Clear(x);
                    for (int i = 0; i < passive.Count; i++)
                    {
                        x[passive[i]] = trial[i];
                    }

                    break;
                }

                StepToBound(x, trial, passive);
            }
        }

        return x;
    }

    /// <summary>The unknown at zero whose increase lowers the error fastest; -1 if none does.</summary>
    private static int MostPromising(Matrix<double> gram, double[] target, double[] x, List<int> passive, double least)
    {
        int best = -1;
        for (int j = 0; j < x.Length; j++)
        {
            if (passive.Contains(j))
            {
                continue;
            }

            double gradient = target[j];
            for (int i = 0; i < x.Length; i++)
            {
                gradient -= gram[j, i] * x[i];
            }

            if (gradient > least)
            {
                least = gradient;
                best = j;
            }
        }

        return best;
    }

    private static double[] SolvePassive(Matrix<double> gram, double[] target, List<int> passive)
    {
        var matrix = Matrix<double>.Build.Dense(passive.Count, passive.Count, (i, j) => gram[passive[i], passive[j]]);
        var right = Vector<double>.Build.Dense(passive.Count, i => target[passive[i]]);
        return matrix.Cholesky().Solve(right).AsArray();
    }

    /// <summary>Goes towards a solution with negative elements as far as none is below zero, and fixes those that got there.</summary>
    private static void StepToBound(double[] x, double[] trial, List<int> passive)
    {
        double step = 1;
        int limiting = 0;
        for (int i = 0; i < passive.Count; i++)
        {
            if (trial[i] <= 0)
            {
                double to = x[passive[i]] / (x[passive[i]] - trial[i]);
                if (!(to >= step))
                {
                    step = double.IsNaN(to) ? 0 : to;
                    limiting = i;
                }
            }
        }

        for (int i = 0; i < passive.Count; i++)
        {
            x[passive[i]] += step * (trial[i] - x[passive[i]]);
        }

        int fixedNow = passive[limiting];
        x[fixedNow] = 0;
        passive.RemoveAll(j => j == fixedNow || x[j] <= 0);
    }
}
