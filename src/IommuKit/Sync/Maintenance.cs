namespace IommuKit.Sync;

/// <summary>Kinds of maintenance that stores to a page table may need.</summary>
[Flags]
public enum Maintenance
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Write the stores back from the CPU's cache to memory.</summary>
    Clean = 1,

    /// <summary>Drop what the cache of table memory holds of the entries.</summary>
    TableCache = 2,

    /// <summary>Drop the translations of the range.</summary>
    Tlb = 4,
}
