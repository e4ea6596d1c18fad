using IommuKit.Checker;

namespace IommuKit.Cli.Output;

/// <summary>What was checked of one IOMMU under one policy and release rule, and what of its maintenance was for nothing.</summary>
/// <param name="result">The outcome.</param>
internal sealed class ConfigurationRecord(ConfigurationResult result)
{
    public string Iommu => result.Configuration.Target.Name;

    public string Policy => result.Configuration.Policy.ToString();

    public string Release => result.Configuration.Release.ToString();

    public long Sequences => result.Sequences;

    public long Interruptions => result.Interleavings;

    public long RandomScenarios => result.RandomScenarios;

    public long Operations => result.Operations;

    public long Steps => result.Steps;

    public int Missing => result.Finding is null ? 0 : 1;

    public long Exhausted => result.Exhausted;

    public long Maintenance => result.Waste.Total;

    public long Wasted => result.Waste.Wasted;

    public long Least => result.Least.Total;

    public long LiveTranslationsDropped => result.Waste.LiveTranslationsDropped;

    public long Cleans => result.Waste.Cleans;

    public long CleansOfCleanLines => result.Waste.CleansOfCleanLines;

    public long LeastCleans => result.Least.Cleans;

    public long Barriers => result.Waste.Barriers;

    public long BarriersAfterNothing => result.Waste.BarriersAfterNothing;

    public long LeastBarriers => result.Least.Barriers;

    public long TableCacheDrops => result.Waste.TableCacheDrops;

    public long TableCacheDropsOfNothing => result.Waste.TableCacheDropsOfNothing;

    public long TableCacheDropsOfCurrent => result.Waste.TableCacheDropsOfCurrent;

    public long LeastTableCacheDrops => result.Least.TableCacheDrops;

    public long TranslationDrops => result.Waste.TranslationDrops;

    public long TranslationDropsOfNothing => result.Waste.TranslationDropsOfNothing;

    public long TranslationDropsOfCurrent => result.Waste.TranslationDropsOfCurrent;

    public long LeastTranslationDrops => result.Least.TranslationDrops;

    public long Waits => result.Waste.Waits;

    public long WaitsForNothing => result.Waste.WaitsForNothing;

    public long LeastWaits => result.Least.Waits;
}
