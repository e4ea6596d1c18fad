namespace IommuKit.PageTables;

/// <summary>When an unmap gives a page table back.</summary>
public enum TableRelease
{
    /// <summary>
    /// When one unmap covers everything the table can map. The table is then dropped as one entry, without a look at what it holds:
    /// holes in it count as unmapped. This needs no bookkeeping and is what io-pgtable does.
    /// </summary>
    WhenCovered,

    /// <summary>When its last entry goes, as the Tegra driver in Linux does. Operations on one table must not run in parallel.</summary>
    WhenEmpty,

    /// <summary>Never before the page table itself is disposed, as the Rockchip driver does.</summary>
    Never,
}
