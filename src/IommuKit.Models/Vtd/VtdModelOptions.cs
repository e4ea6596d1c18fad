namespace IommuKit.Models.Vtd;

/// <summary>The caches of a VT-d model. Their sizes in real parts are not public, and differ; these are in the range of what was measured.</summary>
public sealed record VtdModelOptions
{
    /// <summary>Translations of pages of 4 KiB.</summary>
    public VtdCacheGeometry Iotlb { get; init; } = new(64, 8);

    /// <summary>Translations of pages of 2 MiB, and as many of 1 GiB.</summary>
    public VtdCacheGeometry LargeIotlb { get; init; } = new(16, 4);

    /// <summary>Pointers to tables of 4 KiB pages, each for 2 MiB of addresses.</summary>
    public VtdCacheGeometry TableCache { get; init; } = new(16, 8);

    /// <summary>Pointers to tables of higher levels; one cache for each level.</summary>
    public VtdCacheGeometry UpperTableCache { get; init; } = new(8, 4);

    /// <summary>Context entries.</summary>
    public VtdCacheGeometry ContextCache { get; init; } = new(64, 4);

    /// <summary>PASID entries.</summary>
    public VtdCacheGeometry PasidCache { get; init; } = new(64, 4);

    /// <summary>Entries of the interrupt-remapping table.</summary>
    public VtdCacheGeometry InterruptCache { get; init; } = new(64, 4);

    /// <summary>Refuses hardware that cannot be.</summary>
    /// <exception cref="ArgumentException">There is no such hardware.</exception>
    internal void Validate()
    {
        ReadOnlySpan<VtdCacheGeometry> all = [Iotlb, LargeIotlb, TableCache, UpperTableCache, ContextCache, PasidCache, InterruptCache];
        foreach (var geometry in all)
        {
            if (!geometry.IsPossible)
            {
                throw new ArgumentException(
                    $"A cache cannot have {geometry.Sets} sets of {geometry.Ways} ways: sets are a power of two, and there are at most "
                    + $"{VtdCacheGeometry.MaxEntries} entries.",
                    "options");
            }
        }
    }
}
