using System.Globalization;

namespace IommuKit.Linux.Host;

/// <summary>Reads the groups of /sys/kernel/iommu_groups and their devices.</summary>
internal static class GroupReader
{
    private const string Folder = "/sys/kernel/iommu_groups";
    private const string PciDevices = "/sys/bus/pci/devices";
    private const int MostDevices = 4096;

    // Base class 08h, subclass 06h of the PCI Code and ID Assignment Specification: an IOMMU, which is behind none.
    private const uint IommuClass = 0x0806;
    private const int MostRegionBytes = 64 << 10;

    /// <summary>All groups, by number.</summary>
    public static IReadOnlyList<HostGroup> ReadAll(HostFiles files)
    {
        var groups = new List<HostGroup>();
        foreach (string name in files.Names(Folder))
        {
            if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                groups.Add(Read(files, number, $"{Folder}/{name}"));
            }
        }

        groups.Sort((left, right) => left.Number.CompareTo(right.Number));
        return groups;
    }

    /// <summary>PCI devices but for bridges and IOMMUs that no driver has and that are in no group.</summary>
    public static IReadOnlyList<HostDevice> ReadUngrouped(HostFiles files) =>
    [
        .. files.Names(PciDevices)
            .Where(name => files.LinkName($"{PciDevices}/{name}/iommu_group") is null)
            .Take(MostDevices)
            .Select(name => ReadDevice(files, name, $"{PciDevices}/{name}"))
            .Where(device => device is { Driver: null, IsPci: true, IsBridge: false } && device.PciClass >> 8 != IommuClass),
    ];

    private static HostGroup Read(HostFiles files, int number, string path) => new(number)
    {
        Type = files.TryRead($"{path}/type"),
        ReservedRegions = ReservedRegion.ReadAll(files.TryRead($"{path}/reserved_regions", MostRegionBytes) ?? string.Empty),
        Devices = [.. files.Names($"{path}/devices").Take(MostDevices).Select(name => ReadDevice(files, name, $"{path}/devices/{name}"))],
    };

    private static HostDevice ReadDevice(HostFiles files, string name, string path) => new(name)
    {
        Bus = files.LinkName($"{path}/subsystem"),
        Driver = files.LinkName($"{path}/driver"),
        Iommu = files.LinkName($"{path}/iommu"),
        PciClass = ReadClass(files.TryRead($"{path}/class")),
        VfioNode = files.Names($"{path}/vfio-dev") is [var node, ..] ? node : null,
    };

    private static uint? ReadClass(string? text) =>
        text is not null && text.StartsWith("0x", StringComparison.Ordinal)
        && uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code) && code < 1 << 24
            ? code
            : null;
}
