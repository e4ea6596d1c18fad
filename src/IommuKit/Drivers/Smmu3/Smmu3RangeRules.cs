namespace IommuKit.Drivers.Smmu3;

/// <summary>How ranges are encoded.</summary>
/// <param name="HasRanges">Whether one command can cover a range.</param>
/// <param name="GranuleLog2">Log2 of the granule.</param>
/// <param name="Encoding">Exact or covering.</param>
internal readonly record struct Smmu3RangeRules(bool HasRanges, int GranuleLog2, Smmu3RangeEncoding Encoding);
