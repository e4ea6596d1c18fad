namespace IommuKit.Models.Vtd;

/// <summary>An entry of a cache.</summary>
/// <param name="Key">What it is looked up by, within its space: a page, a device, an index.</param>
/// <param name="Space">
/// Whose it is, and what invalidations name: domain, PASID, kind. <see cref="VtdCache.Valid"/> is set in every one that is not empty.
/// </param>
/// <param name="Data">What is cached.</param>
/// <param name="Info">More of it.</param>
internal readonly record struct VtdCacheEntry(ulong Key, ulong Space, ulong Data, ulong Info);
