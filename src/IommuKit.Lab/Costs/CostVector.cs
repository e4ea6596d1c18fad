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

    /// <summary>Microseconds for what a number of calls did.</summary>
    /// <param name="counts">What was counted.</param>
    /// <param name="maps">Calls of map among it.</param>
    /// <param name="unmaps">Calls of unmap among it.</param>
    public double Microseconds(in OperationCounts counts, int maps, int unmaps) => new CostWeights(Components).Microseconds(counts, maps, unmaps);
}
