namespace IommuKit.Linux.Host;

/// <summary>An IOMMU that the kernel drives.</summary>
/// <param name="Name">As the kernel names it: "dmar0".</param>
public sealed record HostIommu(string Name)
{
    /// <summary>Its kind, such as "VT-d"; of a kind that is not known here the driver's name, and null if there is none.</summary>
    public string? Kind { get; init; }

    /// <summary>How many devices it translates for; what it has no links of is not counted.</summary>
    public int Devices { get; init; }

    /// <summary>Bits of an IOVA; null if the kernel does not show it.</summary>
    public int? InputBits { get; init; }

    /// <summary>Page sizes as a bitmap; null if the kernel does not show them.</summary>
    public ulong? PageSizes { get; init; }

    /// <summary>What it can do, in words; empty if the kernel does not show it.</summary>
    public IReadOnlyList<string> Features { get; init; } = [];
}
