using IommuKit.Models.Caches;

namespace IommuKit.Models.Vtd;

/// <summary>The caches of a VT-d model. Their sizes in real parts are not public, and differ; these are in the range of what was measured.</summary>
public sealed record VtdModelOptions
{
    /// <summary>Translations of pages of 4 KiB.</summary>
    public CacheGeometry Iotlb { get; init; } = new(128, 4);

    /// <summary>Translations of pages of 2 MiB, and as many of 1 GiB.</summary>
    public CacheGeometry LargeIotlb { get; init; } = new(16, 4);

    /// <summary>Pointers to tables of 4 KiB pages, each for 2 MiB of addresses.</summary>
    public CacheGeometry TableCache { get; init; } = new(32, 4);

    /// <summary>Pointers to tables of higher levels; one cache for each level.</summary>
    public CacheGeometry UpperTableCache { get; init; } = new(8, 4);

    /// <summary>Context entries.</summary>
    public CacheGeometry ContextCache { get; init; } = new(64, 4);

    /// <summary>PASID entries.</summary>
    public CacheGeometry PasidCache { get; init; } = new(64, 4);

    /// <summary>Entries of the interrupt-remapping table.</summary>
    public CacheGeometry InterruptCache { get; init; } = new(64, 4);

    /// <summary>Refuses hardware that cannot be.</summary>
    /// <exception cref="ArgumentException">There is no such hardware.</exception>
    internal static void Validate(VtdModelOptions options)
    {
        ReadOnlySpan<CacheGeometry> all =
        [
            options.Iotlb, options.LargeIotlb, options.TableCache, options.UpperTableCache,
            options.ContextCache, options.PasidCache, options.InterruptCache,
        ];
        foreach (var geometry in all)
        {
            if (!geometry.IsPossible)
            {
                throw new ArgumentException(
                    $"A cache cannot have {geometry.Sets} sets of {geometry.Ways} ways: sets are a power of two, and there are at most "
                    + $"{CacheGeometry.MaxEntries} entries.",
                    nameof(options));
            }
        }
    }
}
