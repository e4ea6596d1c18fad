namespace IommuKit.PageTables;

/// <summary>What happened to a run of entries.</summary>
public enum EntryChange : byte
{
    /// <summary>Vacant entries became leaves.</summary>
    LeafWritten,

    /// <summary>Leaves became vacant.</summary>
    LeafCleared,

    /// <summary>A vacant entry became a pointer to a table.</summary>
    TableLinked,

    /// <summary>A pointer to a table became vacant.</summary>
    TableUnlinked,

    /// <summary>Leaves became leaves of another size, or a pointer to a table of smaller ones, with the same meaning.</summary>
    LeafReplaced,

    /// <summary>
    /// Nothing was stored; but another thread has stored a pointer to a table, this operation depends on it, and it is not known
    /// to be visible to the walker yet. It needs what <see cref="TableLinked"/> needs.
    /// </summary>
    TableMet,

    /// <summary>
    /// Entries of a table that is not linked yet were stored. <see cref="IFootprintSink.TableFilled"/> makes them visible in memory; but a
    /// cache of table memory may still hold what was there when the memory was in use before.
    /// </summary>
    NewTableWritten,

    /// <summary>
    /// A table was unlinked with its entries still in it. The run is the table's memory, which nothing points to any more;
    /// a cache of table memory may still hold it.
    /// </summary>
    TableAbandoned,
}
