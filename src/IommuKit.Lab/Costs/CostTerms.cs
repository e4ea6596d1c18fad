using System.Text.Json;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Costs;

/// <summary>Counts and costs as vectors, with an element for each <see cref="CostTerm"/>: the time is their scalar product.</summary>
public static class CostTerms
{
    private static readonly string[] SnakeNames = [.. Enum.GetNames<CostTerm>().Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)];

    /// <summary>All terms, in order.</summary>
    public static IReadOnlyList<CostTerm> All { get; } = Enum.GetValues<CostTerm>();

    /// <summary>How a file names a term.</summary>
    public static string NameOf(CostTerm term) => SnakeNames[(int)term];

    /// <summary>What was counted, as a vector.</summary>
    /// <param name="counts">What was counted.</param>
    /// <param name="maps">Calls of map among it.</param>
    /// <param name="unmaps">Calls of unmap among it.</param>
    public static double[] VectorOf(in OperationCounts counts, long maps, long unmaps) =>
    [
        maps,
        unmaps,
        counts.RangesMapped,
        counts.EntriesStored,
        counts.RunsStored,
        counts.LinesCleaned,
        counts.Barriers,
        counts.RegisterWrites.Total,
        counts.RegisterReads.Total,
        counts.TablesAllocated,
        counts.TablesFreed,
    ];

    /// <summary>Costs, as a vector in microseconds.</summary>
    public static double[] VectorOf(CostComponents components)
    {
        ArgumentNullException.ThrowIfNull(components);
        return [.. All.Select(term => components.Of(term).Us)];
    }

    /// <summary>The scalar product: microseconds, if one holds counts and the other costs.</summary>
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
