using System.Globalization;
using IommuKit.Analysis.Explain;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Traces;

namespace IommuKit.Cli.Output;

/// <summary>
/// Says what a flush costs on map that does not know its direction, on hardware that needs one there and on hardware that does not.
/// </summary>
internal static class UndirectedFlushText
{
    private const string CoherentCosts = "smmuv3-2021";

    /// <summary>The sentences; none about traces.</summary>
    public static IReadOnlyList<string> Of(IommuKind kind, Explanation explanation)
    {
        if (explanation.Headline.Workload.Size is not (> 0 and var size))
        {
            return [];
        }

        var (undirected, split) = UndirectedFlush.OnMachine(kind, size);
        double extra = explanation.Costs.Microseconds(undirected.Counts, 1, 0) - explanation.Costs.Microseconds(split.Counts, 1, 0);
        var (dropped, droppedSplit) = UndirectedFlush.PagesDroppedOnCoherentWalker(size);
        var coherent = CostFile.BuiltIn.First(costs => costs.Name == CoherentCosts).Components;
        double map = coherent.MapCall.Us + (size / SmallPage.Bytes * coherent.EntryStored.Us);
        double wasted = dropped * coherent.RegisterWrite.Us;
        string name = ByteSize.Format(size);
        string compared = $"Undirected flush ({SyncPolicy.RangeFlush}) against {SyncPolicy.SplitSync}, map of {name} on {kind.Name}";
        return
        [
            extra == 0
                ? $"{compared}: the same {Numbers.Count(undirected.Counts.Maintenance)} operations, "
                    + "because this hardware caches invalid entries and needs them on map too."
                : string.Create(CultureInfo.InvariantCulture, $"{compared}: {extra:0.0} µs more."),
            string.Create(
                CultureInfo.InvariantCulture,
                $"On a coherent walker that does not: {Numbers.Count((long)dropped)} pages dropped against {Numbers.Count((long)droppedSplit)}; "
                    + $"at {1000 * coherent.RegisterWrite.Us:0} ns each ({CoherentCosts}) {wasted:0} µs "
                    + $"on top of the {map:0.0} µs of the map, {1 + (wasted / map):0} times as long."),
        ];
    }
}
