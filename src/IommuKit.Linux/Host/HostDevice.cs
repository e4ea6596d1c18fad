namespace IommuKit.Linux.Host;

/// <summary>A device behind an IOMMU.</summary>
/// <param name="Name">As the kernel names it: "0000:00:03.0" on PCI.</param>
public sealed record HostDevice(string Name)
{
    private const uint BridgeClass = 0x06;

    /// <summary>The bus: "pci", "platform" and others; null if the kernel does not say.</summary>
    public string? Bus { get; init; }

    /// <summary>The driver that has it; null if none.</summary>
    public string? Driver { get; init; }

    /// <summary>The IOMMU that translates for it; null if the kernel does not say.</summary>
    public string? Iommu { get; init; }

    /// <summary>Its PCI class code, 24 bits; null of devices that are not PCI.</summary>
    public uint? PciClass { get; init; }

    /// <summary>Its character device for iommufd, such as "vfio0"; null where it has none.</summary>
    public string? VfioNode { get; init; }

    /// <summary>Whether it is a bridge, which stays with its driver when a group is given away.</summary>
    public bool IsBridge => PciClass >> 16 == BridgeClass;

    /// <summary>Whether a driver of VFIO has it.</summary>
    public bool IsWithVfio => Driver is { } driver && driver.StartsWith("vfio", StringComparison.Ordinal);

    /// <summary>Whether its name is one of PCI, "0000:00:03.0", so that it can stand in a command.</summary>
    public bool IsPci => IsPciName(Name);

    private static bool IsPciName(string name)
    {
        string[] parts = name.Split(':', '.');
        return parts.Length == 4 && name.Length >= 12 && name[^2] == '.' && name[^5] == ':' && name[^8] == ':'
            && parts[0].Length is >= 4 and <= 8 && parts.All(part => part.All(char.IsAsciiHexDigitLower));
    }
}
