namespace IommuKit.Checker.Shadow;

/// <summary>What a map or an unmap does to page tables.</summary>
/// <param name="Iova">First IOVA.</param>
/// <param name="Size">Bytes.</param>
/// <param name="IsMap">Whether it maps; if not, it takes the whole away again.</param>
/// <param name="UsesSuperpages">Whether what can be is mapped with larger pages.</param>
/// <param name="KeepsTables">Whether tables exist before and stay; if not, the map makes them and the unmap gives them back.</param>
public readonly record struct MappingShape(ulong Iova, ulong Size, bool IsMap, bool UsesSuperpages, bool KeepsTables);
