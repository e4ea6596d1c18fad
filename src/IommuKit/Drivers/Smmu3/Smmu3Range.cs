namespace IommuKit.Drivers.Smmu3;

/// <summary>What has to be invalidated.</summary>
/// <param name="Iova">First IOVA, aligned to the leaves that went.</param>
/// <param name="Bytes">Bytes, at least 1.</param>
/// <param name="LeafLog2">Log2 of the size of the leaves that went; 0 where they may differ.</param>
/// <param name="IsLeaf">Whether leaves alone went, and no pointer to a table.</param>
internal readonly record struct Smmu3Range(ulong Iova, ulong Bytes, int LeafLog2, bool IsLeaf);
