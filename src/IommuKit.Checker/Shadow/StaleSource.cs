namespace IommuKit.Checker.Shadow;

/// <summary>What answered wrongly.</summary>
public enum StaleSource
{
    /// <summary>The page table as the CPU sees it.</summary>
    Table,

    /// <summary>Memory that a line of the CPU's cache has not reached.</summary>
    Memory,

    /// <summary>The cache of table memory.</summary>
    TableCache,

    /// <summary>The TLB, or the walk cache.</summary>
    Translations,

    /// <summary>The TLB of the device itself.</summary>
    DeviceTlb,

    /// <summary>The route of the device.</summary>
    Route,

    /// <summary>What hardware remembers of the route of the device.</summary>
    RouteCache,
}
