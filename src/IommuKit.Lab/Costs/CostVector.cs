using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Costs;

/// <summary>
/// What each counted operation costs on some machine. Virtual time is the sum of the counts times these: time on that machine, never on the
/// host that counts.
/// </summary>
public sealed record CostVector
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Which machine it stands for, and how it came about.</summary>
    public required string Description { get; init; }

    /// <summary>The unit of all components: always "us", microseconds.</summary>
    public required string Unit { get; init; }

    /// <summary>What the operations cost.</summary>
    public required CostComponents Components { get; init; }

    /// <summary>Microseconds for what was counted.</summary>
    public double Microseconds(in OperationCounts counts) => new CostWeights(Components).Microseconds(counts);

    /// <summary>Kinds that were counted and have no cost here, so that they add nothing. Tallies need none.</summary>
    public IReadOnlyList<OperationKind> Unpriced(OperationCounts counts) =>
        [.. OperationKinds.All.Where(kind => counts[kind] != 0 && !kind.IsTally() && !Components.Has(kind))];

    /// <summary>The scalar product of two vectors by <see cref="OperationKind"/>: microseconds, if one holds counts and the other costs.</summary>
    public static double Dot(ReadOnlySpan<double> counts, ReadOnlySpan<double> costs)
    {
        double sum = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            sum += counts[i] * costs[i];
        }

        return sum;
    }
}
