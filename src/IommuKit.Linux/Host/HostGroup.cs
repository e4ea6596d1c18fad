namespace IommuKit.Linux.Host;

/// <summary>Devices that an IOMMU cannot tell apart, or that reach each other without it: only all of them together can be given away.</summary>
/// <param name="Number">As the kernel numbers it, or <see cref="NoNumber"/>.</param>
public sealed record HostGroup(int Number)
{
    /// <summary>The number of a device's group that the kernel has not made yet (<see cref="HostInfo.UngroupedDevices"/>).</summary>
    public const int NoNumber = -1;

    /// <summary>Its default domain's type as the kernel names it, such as "DMA-FQ"; null if it does not.</summary>
    public string? Type { get; init; }

    /// <summary>What that domain does.</summary>
    public DomainMode Mode => Type switch
    {
        "DMA" => DomainMode.Strict,
        "DMA-FQ" => DomainMode.Lazy,
        "identity" => DomainMode.Identity,
        "blocked" => DomainMode.Blocked,
        "unmanaged" => DomainMode.Unmanaged,
        _ => DomainMode.Unknown,
    };

    /// <summary>Its devices.</summary>
    public IReadOnlyList<HostDevice> Devices { get; init; } = [];

    /// <summary>IOVAs that nothing can be mapped at.</summary>
    public IReadOnlyList<ReservedRegion> ReservedRegions { get; init; } = [];
}
