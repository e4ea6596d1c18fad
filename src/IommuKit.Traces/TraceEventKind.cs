namespace IommuKit.Traces;

/// <summary>What a line of a trace says.</summary>
public enum TraceEventKind
{
    /// <summary>An IOVA range was mapped.</summary>
    Map,

    /// <summary>An IOVA range was unmapped.</summary>
    Unmap,

    /// <summary>A descriptor was put into VT-d's invalidation queue: intel_iommu:qi_submit.</summary>
    QueueSubmit,

    /// <summary>A cache of a domain was flushed: intel_iommu:cache_tag_flush_range, …_range_np and …_all.</summary>
    CacheTagFlush,

    /// <summary>A device was attached to a domain: iommu:attach_device_to_domain. Which domain is not said.</summary>
    Attach,

    /// <summary>A device was detached from a domain: iommu:detach_device_from_domain. Newer kernels do not have this event.</summary>
    Detach,

    /// <summary>
    /// A domain's tag for a cache was assigned as a device is attached: intel_iommu:cache_tag_assign. The event of the attachment follows it.
    /// </summary>
    TagAssign,

    /// <summary>
    /// A device faulted, and its driver called report_iommu_fault: iommu:io_page_fault. <see cref="TraceReader.Message"/> is its name.
    /// </summary>
    PageFault,

    /// <summary>The kernel printed a message: printk:console. <see cref="TraceReader.Message"/> has it.</summary>
    Console,

    /// <summary>Some other event.</summary>
    Other,

    /// <summary>Events are missing here.</summary>
    Lost,

    /// <summary>A line that is no event, for example of a stack trace.</summary>
    Unknown,

    /// <summary>A damaged line; read on only because the caller asked for it.</summary>
    Damaged,

    /// <summary>
    /// One of the events that VT-d's driver had until Linux 5.10 for the mappings of drivers: intel_iommu:map_single, map_sg, unmap_single, unmap_sg,
    /// and those with bounce_ in front. What it maps or unmaps is not read.
    /// </summary>
    VtdMapping,
}
