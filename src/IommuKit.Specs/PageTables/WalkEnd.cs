namespace IommuKit.Specs.PageTables;

/// <summary>How a step of a walk ends.</summary>
public enum WalkEnd
{
    /// <summary>At a page.</summary>
    Page,

    /// <summary>Not yet: at a pointer to the next table.</summary>
    Table,

    /// <summary>The IOVA has more bits than the tables translate.</summary>
    OutsideWidth,

    /// <summary>At an entry that is not valid.</summary>
    NotPresent,

    /// <summary>At an entry that the architecture reserves, or whose pointer goes up.</summary>
    Reserved,

    /// <summary>At a page that has not been used, where that is a fault.</summary>
    NotAccessed,

    /// <summary>At an address that has more bits than there are physical ones.</summary>
    AddressTooWide,

    /// <summary>At a table that no memory answers for.</summary>
    NotReadable,

    /// <summary>At an entry for IOVAs whose skipped levels are not 0, where a pointer leaves levels out.</summary>
    SkippedBits,
}
