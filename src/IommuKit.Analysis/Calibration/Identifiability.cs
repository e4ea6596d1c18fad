using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Calibration;

/// <summary>What measured times can tell about costs by themselves, without any prior.</summary>
public sealed class Identifiability
{
    // How much of a term must lie in what is undetermined before it counts as undetermined, and of two terms
    // before they count as confused with each other.
    private const double Noticeable = 0.05;

    // Cosine of the angle between two columns of counts that go up and down together.
    private const double Parallel = 0.999;

    /// <summary>Finds out about the cells of a fit, with the errors of that fit.</summary>
    public Identifiability(CostFit fit)
    {
        ArgumentNullException.ThrowIfNull(fit);
        var cells = fit.Cells;
        var alone = CostFit.Of(cells, fit.Prior.Without(), Math.Max(fit.Misfit, 0));
        var directions = alone.Directions;
        Rank = directions.Determined;
        Condition = directions.SingularValues[0] / directions.SingularValues[^1];
        NotInData = [.. fit.Prior.Kinds.Except(alone.Terms)];
        double[,] lost = directions.ProjectUndetermined();
        var free = Enumerable.Range(0, alone.Terms.Count).Where(i => lost[i, i] > Noticeable).ToList();
        Determined = [.. alone.Terms.Where((_, i) => !free.Contains(i))];
        Confused = GroupsOf(free, lost, alone.Terms);
        ParallelPairs = PairsOf(cells, alone.Terms);
    }

    /// <summary>Independent combinations of costs that the times determine.</summary>
    public int Rank { get; }

    /// <summary>Largest singular value of the weighted counts, columns brought to length 1, over the smallest.</summary>
    public double Condition { get; }

    /// <summary>Terms that the measured work never has.</summary>
    public IReadOnlyList<OperationKind> NotInData { get; }

    /// <summary>Terms that the times determine each by itself.</summary>
    public IReadOnlyList<OperationKind> Determined { get; }

    /// <summary>Groups of terms that can be traded for each other without a change of the fit that the scatter of the times would show.</summary>
    public IReadOnlyList<IReadOnlyList<OperationKind>> Confused { get; }

    /// <summary>Pairs of terms that occur in the same proportion in all measured work.</summary>
    public IReadOnlyList<(OperationKind First, OperationKind Second)> ParallelPairs { get; }

    private static List<IReadOnlyList<OperationKind>> GroupsOf(List<int> free, double[,] lost, IReadOnlyList<OperationKind> terms)
    {
        var groups = new List<IReadOnlyList<OperationKind>>();
        var open = new List<int>(free);
        while (open.Count != 0)
        {
            var group = new List<int> { open[0] };
            open.RemoveAt(0);
            for (int next = 0; next < group.Count; next++)
            {
                var joined = open.FindAll(i => Math.Abs(lost[i, group[next]]) > Noticeable);
                group.AddRange(joined);
                open.RemoveAll(joined.Contains);
            }

            groups.Add([.. group.Order().Select(i => terms[i])]);
        }

        return groups;
    }

    private static List<(OperationKind First, OperationKind Second)> PairsOf(IReadOnlyList<MeasuredCell> cells, IReadOnlyList<OperationKind> terms)
    {
        var pairs = new List<(OperationKind, OperationKind)>();
        for (int i = 0; i < terms.Count; i++)
        {
            for (int j = i + 1; j < terms.Count; j++)
            {
                if (Cosine(cells, (int)terms[i], (int)terms[j]) > Parallel)
                {
                    pairs.Add((terms[i], terms[j]));
                }
            }
        }

        return pairs;
    }

    private static double Cosine(IReadOnlyList<MeasuredCell> cells, int first, int second)
    {
        double product = 0;
        double a = 0;
        double b = 0;
        foreach (var cell in cells)
        {
            double x = cell.Counts[first] / cell.Mean;
            double y = cell.Counts[second] / cell.Mean;
            product += x * y;
            a += x * x;
            b += y * y;
        }

        return product / Math.Sqrt(a * b);
    }
}
