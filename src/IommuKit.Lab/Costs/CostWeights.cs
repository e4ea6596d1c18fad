using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Costs;

/// <summary>What operations cost in microseconds, side by side, for callers that price many calls one by one.</summary>
/// <param name="components">The costs, with their sources.</param>
internal readonly struct CostWeights(CostComponents components)
{
    private readonly double[] _us = components.ToVector();

    // Behind the last kind that costs anything.
    private readonly int _end = components.Kinds.Count == 0 ? 0 : (int)components.Kinds[^1] + 1;

    /// <inheritdoc cref="CostVector.Microseconds"/>
    public double Microseconds(in OperationCounts counts) => Microseconds(default, counts, maps: 0, unmaps: 0);

    /// <summary>Microseconds for what was counted between two times, of which no difference is made: this runs for each event of a trace.</summary>
    /// <param name="earlier">What was counted before.</param>
    /// <param name="later">What is counted now.</param>
    /// <param name="maps">Calls of map that neither has in it.</param>
    /// <param name="unmaps">Calls of unmap that neither has in it.</param>
    public double Microseconds(in OperationCounts earlier, in OperationCounts later, long maps, long unmaps)
    {
        var before = earlier.Totals;
        var now = later.Totals;
        ReadOnlySpan<double> us = _us;
        double sum = ((now[(int)OperationKind.MapCall] - before[(int)OperationKind.MapCall] + maps) * us[(int)OperationKind.MapCall])
            + ((now[(int)OperationKind.UnmapCall] - before[(int)OperationKind.UnmapCall] + unmaps) * us[(int)OperationKind.UnmapCall]);
        for (int kind = (int)OperationKind.UnmapCall + 1; kind < _end; kind++)
        {
            sum += (now[kind] - before[kind]) * us[kind];
        }

        return sum;
    }
}
