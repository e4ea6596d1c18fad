namespace IommuKit.Specs.PageTables;

/// <summary>What a device may do through a mapping, and how. The values are those of the Linux IOMMU API.</summary>
[Flags]
public enum Protection
{
    /// <summary>No access. Formats whose entries have no valid bit can store even this (see the format).</summary>
    None = 0,

    /// <summary>The device may read.</summary>
    Read = 1,

    /// <summary>The device may write.</summary>
    Write = 2,

    /// <summary>The device's accesses snoop the CPU's caches.</summary>
    Cache = 4,

    /// <summary>The device may not fetch instructions.</summary>
    NoExecute = 8,

    /// <summary>The target is a device, not memory.</summary>
    Mmio = 16,

    /// <summary>Only privileged transactions of the device may use the mapping.</summary>
    Privileged = 32,
}
