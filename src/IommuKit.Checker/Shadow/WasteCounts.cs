namespace IommuKit.Checker.Shadow;

/// <summary>Maintenance by kind: how often it was done, how often for nothing, and what went with it.</summary>
public sealed class WasteCounts
{
    /// <summary>Lines of the CPU's cache that were cleaned.</summary>
    public long Cleans { get; internal set; }

    /// <summary>Of those, lines that memory had already.</summary>
    public long CleansOfCleanLines { get; internal set; }

    /// <summary>Barriers.</summary>
    public long Barriers { get; internal set; }

    /// <summary>Of those, barriers with no clean before them to wait for.</summary>
    public long BarriersAfterNothing { get; internal set; }

    /// <summary>Invalidations of the table cache.</summary>
    public long TableCacheDrops { get; internal set; }

    /// <summary>Of those, of lines that nothing can have been fetched into since the last one.</summary>
    public long TableCacheDropsOfNothing { get; internal set; }

    /// <summary>Of those, of lines that hold just what memory holds.</summary>
    public long TableCacheDropsOfCurrent { get; internal set; }

    /// <summary>Invalidations of translations.</summary>
    public long TranslationDrops { get; internal set; }

    /// <summary>Of those, where no page that is looked at can have been held.</summary>
    public long TranslationDropsOfNothing { get; internal set; }

    /// <summary>Of those, where only translations can have been held that are right.</summary>
    public long TranslationDropsOfCurrent { get; internal set; }

    /// <summary>Translations that are right and went all the same: they will be walked for again.</summary>
    public long LiveTranslationsDropped { get; internal set; }

    /// <summary>Waits for the hardware.</summary>
    public long Waits { get; internal set; }

    /// <summary>Of those, with nothing to wait for.</summary>
    public long WaitsForNothing { get; internal set; }

    /// <summary>Maintenance that changed nothing about what hardware can do wrong.</summary>
    public long Wasted => CleansOfCleanLines + BarriersAfterNothing + TableCacheDropsOfNothing + TableCacheDropsOfCurrent
        + TranslationDropsOfNothing + TranslationDropsOfCurrent + WaitsForNothing;

    /// <summary>All maintenance.</summary>
    public long Total => Cleans + Barriers + TableCacheDrops + TranslationDrops + Waits;
}
