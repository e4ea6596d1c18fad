namespace IommuKit.Linux.Vfio;

/// <summary>By which of the kernel's two ways devices are used.</summary>
public enum HostBackEnd
{
    /// <summary>iommufd, with a node for each device, where kernel and device have it; else groups and containers.</summary>
    PreferIommufd,

    /// <summary>Groups and containers (VFIO type 1), which every kernel has.</summary>
    LegacyOnly,

    /// <summary>iommufd, or nothing.</summary>
    IommufdOnly,
}
