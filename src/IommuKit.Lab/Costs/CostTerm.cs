namespace IommuKit.Lab.Costs;

/// <summary>The kinds of operation that cost time, in the order of vectors of them. <see cref="CostComponents"/> says what each is.</summary>
public enum CostTerm
{
    /// <inheritdoc cref="CostComponents.MapCall"/>
    MapCall,

    /// <inheritdoc cref="CostComponents.UnmapCall"/>
    UnmapCall,

    /// <inheritdoc cref="CostComponents.RangeMapped"/>
    RangeMapped,

    /// <inheritdoc cref="CostComponents.EntryStored"/>
    EntryStored,

    /// <inheritdoc cref="CostComponents.RunStored"/>
    RunStored,

    /// <inheritdoc cref="CostComponents.LineCleaned"/>
    LineCleaned,

    /// <inheritdoc cref="CostComponents.Barrier"/>
    Barrier,

    /// <inheritdoc cref="CostComponents.RegisterWrite"/>
    RegisterWrite,

    /// <inheritdoc cref="CostComponents.RegisterRead"/>
    RegisterRead,

    /// <inheritdoc cref="CostComponents.TableAllocated"/>
    TableAllocated,

    /// <inheritdoc cref="CostComponents.TableFreed"/>
    TableFreed,
}
