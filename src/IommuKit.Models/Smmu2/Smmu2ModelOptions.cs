using IommuKit.Models.Caches;

namespace IommuKit.Models.Smmu2;

/// <summary>The caches of an SMMU model, and how late it does what it is told. Sizes in real parts are not public, and differ.</summary>
public sealed record Smmu2ModelOptions
{
    /// <summary>The most that <see cref="PostedInvalidations"/> can be.</summary>
    public const int MostPosted = 4096;

    /// <summary>Translations of pages of all sizes, of both stages.</summary>
    public CacheGeometry Iotlb { get; init; } = new(128, 8);

    /// <summary>Pointers to tables of all levels, of both stages.</summary>
    public CacheGeometry TableCache { get; init; } = new(64, 8);

    /// <summary>
    /// How many invalidations may wait, at most, for the sync that completes them. Before it they may take effect or not, and here do so as late as
    /// they can. 0: at once.
    /// </summary>
    public int PostedInvalidations { get; init; } = 64;

    /// <summary>How many times the status of a sync is read as active before it is done.</summary>
    public int SyncReads { get; init; }

    /// <summary>Refuses what cannot be.</summary>
    internal static void Validate(Smmu2ModelOptions options)
    {
        if (!options.Iotlb.IsPossible || !options.TableCache.IsPossible)
        {
            throw new ArgumentException(
                $"A cache has a power of two of sets, and at most {CacheGeometry.MaxEntries} entries; not {options.Iotlb} and {options.TableCache}.",
                nameof(options));
        }

        if (options.PostedInvalidations is < 0 or > MostPosted || options.SyncReads < 0)
        {
            throw new ArgumentException(
                $"There cannot be {options.PostedInvalidations} posted invalidations and {options.SyncReads} reads of an active sync.",
                nameof(options));
        }
    }
}
