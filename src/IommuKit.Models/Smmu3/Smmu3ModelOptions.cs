using IommuKit.Models.Caches;

namespace IommuKit.Models.Smmu3;

/// <summary>The caches of an SMMUv3 model, and how it behaves where the architecture leaves a choice. Sizes in real parts are not public, and
/// differ.</summary>
public sealed record Smmu3ModelOptions
{
    /// <summary>Translations of pages of all sizes, of both stages.</summary>
    public CacheGeometry Iotlb { get; init; } = new(128, 8);

    /// <summary>Pointers to tables of all levels, of both stages.</summary>
    public CacheGeometry TableCache { get; init; } = new(64, 8);

    /// <summary>Stream table entries.</summary>
    public CacheGeometry StreamCache { get; init; } = new(64, 4);

    /// <summary>Pointers to tables of stream table entries.</summary>
    public CacheGeometry StreamTableCache { get; init; } = new(16, 4);

    /// <summary>Context descriptors.</summary>
    public CacheGeometry ContextCache { get; init; } = new(64, 4);

    /// <summary>Pointers to tables of context descriptors.</summary>
    public CacheGeometry ContextTableCache { get; init; } = new(16, 4);

    /// <summary>
    /// Whether stream table entries and context descriptors that are invalid or illegal are cached as well, so that it takes a command to make a new
    /// one seen. The architecture allows both.
    /// </summary>
    public bool CachesInvalidConfiguration { get; init; } = true;

    /// <summary>
    /// The erratum of Tegra264: CFGI and TLBI have to be issued twice with a CMD_SYNC. An invalidation of the configuration or of translations has an
    /// effect only if the same command was issued before a CMD_SYNC already, and had none.
    /// </summary>
    public bool NeedsInvalidationsTwice { get; init; }

    /// <summary>The first of the caches that cannot be, or null.</summary>
    internal CacheGeometry? Impossible()
    {
        ReadOnlySpan<CacheGeometry> all = [Iotlb, TableCache, StreamCache, StreamTableCache, ContextCache, ContextTableCache];
        foreach (var geometry in all)
        {
            if (!geometry.IsPossible)
            {
                return geometry;
            }
        }

        return null;
    }
}
