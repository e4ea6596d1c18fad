using IommuKit.Checker;
using IommuKit.Checker.Shadow;

namespace IommuKit.Cli.Output;

/// <summary>What a map and an unmap need on one IOMMU, and what a flush without direction wastes on the map.</summary>
/// <param name="needs">The needs.</param>
internal sealed class NeedsRecord(DirectionNeeds needs)
{
    public string Iommu => needs.Target.Name;

    public int Pages => needs.Pages;

    public LeastWork Map => needs.Map;

    public LeastWork Unmap => needs.Unmap;

    public long UndirectedMap => needs.MapUndirected.Total;

    public long UndirectedMapTranslationDrops => needs.MapUndirected.TranslationDrops;

    public long UndirectedMapWasted => needs.MapUndirected.Wasted;

    public long SplitMap => needs.MapSplit.Total;

    public long SplitMapWasted => needs.MapSplit.Wasted;
}
