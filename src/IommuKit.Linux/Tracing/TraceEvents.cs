namespace IommuKit.Linux.Tracing;

/// <summary>The events that a verdict needs, by their folders below events/.</summary>
internal static class TraceEvents
{
    /// <summary>Without these there is nothing to judge.</summary>
    public static IReadOnlyList<string> Needed { get; } = ["iommu/map", "iommu/unmap"];

    /// <summary>What else a verdict reads, if the kernel has it: attachments, faults, and what was flushed where the driver says so.</summary>
    public static IReadOnlyList<string> Wanted { get; } =
    [
        "iommu/attach_device_to_domain",
        "iommu/detach_device_from_domain",
        "iommu/io_page_fault",
        "intel_iommu/qi_submit",
        "intel_iommu/cache_tag_assign",
        "intel_iommu/cache_tag_unassign",
        "intel_iommu/cache_tag_flush_range",
        "intel_iommu/cache_tag_flush_range_np",
        "intel_iommu/cache_tag_flush_all",
        "printk/console",
    ];

    /// <summary>All events of the DMA API.</summary>
    public const string Dma = "dma";
}
