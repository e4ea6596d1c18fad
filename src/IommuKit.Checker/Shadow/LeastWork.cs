namespace IommuKit.Checker.Shadow;

/// <summary>The least maintenance for what was stored.</summary>
/// <param name="Cleans">Lines of the CPU's cache.</param>
/// <param name="Barriers">Barriers.</param>
/// <param name="TableCacheDrops">Lines of the table cache.</param>
/// <param name="TranslationDrops">Invalidations of translations that drop no translation which is right.</param>
/// <param name="Waits">Waits for the hardware.</param>
public readonly record struct LeastWork(long Cleans, long Barriers, long TableCacheDrops, long TranslationDrops, long Waits)
{
    /// <summary>All of them.</summary>
    public long Total => Cleans + Barriers + TableCacheDrops + TranslationDrops + Waits;

    /// <summary>Both.</summary>
    public static LeastWork operator +(LeastWork one, LeastWork other) => new(
        one.Cleans + other.Cleans,
        one.Barriers + other.Barriers,
        one.TableCacheDrops + other.TableCacheDrops,
        one.TranslationDrops + other.TranslationDrops,
        one.Waits + other.Waits);
}
