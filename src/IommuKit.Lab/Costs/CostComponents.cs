namespace IommuKit.Lab.Costs;

/// <summary>The operations that cost time.</summary>
public sealed record CostComponents
{
    /// <summary>A call of map, apart from what follows.</summary>
    public required CostComponent MapCall { get; init; }

    /// <summary>A call of unmap, apart from what follows.</summary>
    public required CostComponent UnmapCall { get; init; }

    /// <summary>A physical range given to map.</summary>
    public required CostComponent RangeMapped { get; init; }

    /// <summary>A page-table entry stored.</summary>
    public required CostComponent EntryStored { get; init; }

    /// <summary>A line of the CPU's cache written back.</summary>
    public required CostComponent LineCleaned { get; init; }

    /// <summary>A barrier after cleans.</summary>
    public required CostComponent Barrier { get; init; }

    /// <summary>A register written.</summary>
    public required CostComponent RegisterWrite { get; init; }

    /// <summary>A register read, with the wait for posted writes.</summary>
    public required CostComponent RegisterRead { get; init; }

    /// <summary>A page table allocated and zeroed.</summary>
    public required CostComponent TableAllocated { get; init; }

    /// <summary>A page table given back.</summary>
    public required CostComponent TableFreed { get; init; }
}
