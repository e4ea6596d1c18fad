namespace IommuKit.Specs.PageTables;

/// <summary>What a walk meets at an entry.</summary>
public enum WalkEntryKind
{
    /// <summary>Nothing: the entry is not valid, or in formats without a valid bit grants nothing.</summary>
    NotPresent,

    /// <summary>A pointer to the next table.</summary>
    Table,

    /// <summary>The end of the walk.</summary>
    Leaf,

    /// <summary>An encoding that the architecture reserves, or a reserved bit that is set: a fault.</summary>
    Reserved,

    /// <summary>A leaf that has not been used yet, where that is a fault: Arm's access flag, A of RISC-V.</summary>
    NotAccessed,

    /// <summary>A pointer or a leaf whose address has more bits than there are physical ones.</summary>
    AddressTooWide,
}
