using IommuKit.Analysis.Calibration;
using MathNet.Numerics.LinearAlgebra;

namespace IommuKit.Analysis.Tests.Calibration;

public class NonNegativeLeastSquaresTests
{
    /// <summary>The conditions of Karush, Kuhn and Tucker hold at a minimum and nowhere else, as the problem is convex.</summary>
    [Fact]
    public void The_solution_meets_the_conditions_of_a_minimum()
    {
        var random = new Random(11);
        for (int round = 0; round < 200; round++)
        {
            var matrix = Matrix<double>.Build.Dense(9, 6, (_, _) => random.NextDouble() - 0.3);
            var right = Vector<double>.Build.Dense(9, _ => random.NextDouble() - 0.5);
            var gram = matrix.TransposeThisAndMultiply(matrix);
            double[] target = matrix.TransposeThisAndMultiply(right).ToArray();
            double[] x = NonNegativeLeastSquares.Solve(gram, target);
            double[] gradient = (Vector<double>.Build.Dense(target) - (gram * Vector<double>.Build.Dense(x))).ToArray();
            for (int i = 0; i < x.Length; i++)
            {
                x[i].ShouldBeGreaterThanOrEqualTo(0);
                gradient[i].ShouldBeLessThan(1e-8);
                (x[i] * gradient[i]).ShouldBe(0, 1e-8);
            }
        }
    }
}
