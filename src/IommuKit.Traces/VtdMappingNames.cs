namespace IommuKit.Traces;

/// <summary>The events that VT-d's driver had until Linux 5.10 for the mappings of drivers, beside iommu:map and iommu:unmap.</summary>
internal static class VtdMappingNames
{
    /// <summary>All of them, without their group intel_iommu.</summary>
    public static IReadOnlyList<string> All { get; } =
        ["map_single", "map_sg", "unmap_single", "unmap_sg", "bounce_map_single", "bounce_map_sg", "bounce_unmap_single"];
}
