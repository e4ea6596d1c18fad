using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.PageTables;

namespace IommuKit.Checker;

/// <summary>
/// What a map and an unmap of one run of pages need on some hardware, and what a flush that does not know which of them it follows does beyond that.
/// Found by running them with every cache full of what it may hold.
/// </summary>
/// <param name="Target">The hardware.</param>
/// <param name="Pages">Pages in the run; their table exists before and after.</param>
/// <param name="Map">The least that a map needs.</param>
/// <param name="Unmap">The least that an unmap needs.</param>
/// <param name="MapUndirected">What a map does when its flush knows no direction.</param>
/// <param name="MapSplit">What it does when the flush knows.</param>
public sealed record DirectionNeeds(CheckTarget Target, int Pages, LeastWork Map, LeastWork Unmap, WasteCounts MapUndirected, WasteCounts MapSplit)
{
    /// <summary>Finds out about one target.</summary>
    public static DirectionNeeds Of(CheckTarget target)
    {
        ArgumentNullException.ThrowIfNull(target);
        var layout = target.Layout;
        var table = new CheckOperation(CheckOperationKind.Map, 0, layout.Crossing.Iova, layout.Crossing.Size);
        var map = new CheckOperation(CheckOperationKind.Map, 0, layout.Run.Iova, layout.Run.Size, 1);
        var unmap = new CheckOperation(CheckOperationKind.Unmap, 0, layout.Run.Iova, layout.Run.Size);
        var (undirected, _) = Measure(target, SyncPolicy.RangeFlush, [table, map]);
        var (split, mapped) = Measure(target, SyncPolicy.SplitSync, [table, map]);
        var (_, unmapped) = Measure(target, SyncPolicy.SplitSync, [table, map, unmap]);
        return new DirectionNeeds(target, (int)(layout.Run.Size / layout.PageBytes), mapped, unmapped, undirected, split);
    }

    private static (WasteCounts Done, LeastWork Least) Measure(CheckTarget target, SyncPolicy policy, CheckOperation[] operations)
    {
        var done = new WasteCounts();
        var scenario = new CheckCase(new CheckConfiguration(target, policy, TableRelease.Never), null, operations);
        var outcome = scenario.Run(waste: done, measuredFrom: operations.Length - 1);
        return (done, outcome.Least);
    }
}
