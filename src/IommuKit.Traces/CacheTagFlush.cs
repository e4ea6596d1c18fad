namespace IommuKit.Traces;

/// <summary>What a cache_tag_flush event of Linux from 6.10 on flushes.</summary>
[Flags]
public enum CacheTagFlush : byte
{
    /// <summary>The IOTLB, after entries have gone or changed: cache_tag_flush_range or cache_tag_flush_all.</summary>
    None = 0,

    /// <summary>After entries have become present: cache_tag_flush_range_np. Linux prints it only where the hardware is in caching mode.</summary>
    AfterMap = 1 << 0,

    /// <summary>The TLB of a device rather than the IOMMU's own: tags of type devtlb and nesting_devtlb.</summary>
    DeviceTlb = 1 << 1,
}
