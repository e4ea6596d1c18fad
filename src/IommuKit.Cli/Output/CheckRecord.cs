using IommuKit.Checker;
using IommuKit.Checker.Shadow;

namespace IommuKit.Cli.Output;

/// <summary>The outcome of a check, as JSON has it.</summary>
/// <param name="result">The outcome.</param>
/// <param name="needs">What maps and unmaps need.</param>
internal sealed class CheckRecord(CheckResult result, IReadOnlyList<DirectionNeeds> needs)
{
    public bool Interrupted => result.IsInterrupted;

    public int Planted => result.Planted.Count;

    public int PlantedCaught => result.Planted.Count(planted => planted.IsCaught);

    public long Steps => result.Configurations.Sum(configuration => configuration.Steps);

    public int Configurations => result.Configurations.Count;

    public IReadOnlyList<FindingRecord> Missing => [.. result.Findings.Select(finding => new FindingRecord(finding))];

    public IReadOnlyDictionary<string, long> Wasted => new Dictionary<string, long>(StringComparer.Ordinal)
    {
        ["cleans_of_clean_lines"] = Sum(waste => waste.CleansOfCleanLines),
        ["barriers_after_nothing"] = Sum(waste => waste.BarriersAfterNothing),
        ["table_cache_drops_of_nothing"] = Sum(waste => waste.TableCacheDropsOfNothing),
        ["table_cache_drops_of_current"] = Sum(waste => waste.TableCacheDropsOfCurrent),
        ["translation_drops_of_nothing"] = Sum(waste => waste.TranslationDropsOfNothing),
        ["translation_drops_of_current"] = Sum(waste => waste.TranslationDropsOfCurrent),
        ["waits_for_nothing"] = Sum(waste => waste.WaitsForNothing),
    };

    public IReadOnlyList<PlantedRecord> PlantedBugs => [.. result.Planted.Select(planted => new PlantedRecord(planted))];

    public IReadOnlyList<NeedsRecord> Needs => [.. needs.Select(need => new NeedsRecord(need))];

    public IReadOnlyList<ConfigurationRecord> Checked => [.. result.Configurations.Select(configuration => new ConfigurationRecord(configuration))];

    public EndsRecord AtEnds => new(result.AtEnds);

    private long Sum(Func<WasteCounts, long> count) => result.Configurations.Sum(configuration => count(configuration.Waste));
}
