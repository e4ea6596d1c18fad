namespace IommuKit.Cli.HostTime;

/// <summary>The names of what is measured.</summary>
internal static class BenchWork
{
    /// <summary>One page of the smallest size, its table there.</summary>
    public const string MapPage = "map 1 page";

    /// <inheritdoc cref="MapPage"/>
    public const string UnmapPage = "unmap 1 page";

    /// <summary>32 pages by one call.</summary>
    public const string MapPages = "map 32 pages";

    /// <inheritdoc cref="MapPages"/>
    public const string UnmapPages = "unmap 32 pages";

    /// <summary>Most of one table by one call: 500 pages, or all but 12 of a smaller table.</summary>
    public const string MapTable = "map most of a table";

    /// <inheritdoc cref="MapTable"/>
    public const string UnmapTable = "unmap most of a table";

    /// <summary>One leaf of the level above.</summary>
    public const string MapBlock = "map 1 block";

    /// <inheritdoc cref="MapBlock"/>
    public const string UnmapBlock = "unmap 1 block";

    /// <summary>Look-ups of 32 pages in turn.</summary>
    public const string LookUpHot = "iova_to_phys hot";

    /// <summary>Look-ups all over 1 GiB.</summary>
    public const string LookUpRandom = "iova_to_phys random";

    /// <summary>The same, each depending on the one before.</summary>
    public const string LookUpDependent = "iova_to_phys dependent";

    /// <summary>One page, with every table below the root made.</summary>
    public const string ColdMapPage = "map 1 page cold";

    /// <summary>Nine whole tables of pages, with every table below the root made.</summary>
    public const string ColdMapTables = "map 9 tables cold";

    /// <summary>Two whole tables, dropped as they are.</summary>
    public const string DropTwo = "unmap 2 whole tables";

    /// <summary>Nine whole tables, dropped as they are.</summary>
    public const string DropNine = "unmap 9 whole tables";

    /// <summary>A scatter list of 32 single pages.</summary>
    public const string MapList = "map list of 32 pages";

    /// <summary>A scatter list of 512 single pages.</summary>
    public const string MapLongList = "map list of 512 pages";

    /// <summary>A map and the unmap of it, by several threads in one page table.</summary>
    public const string ThreadsPage = "map+unmap 1 page";

    /// <summary>The same with 32 pages.</summary>
    public const string ThreadsPages = "map+unmap 32 pages";
}
