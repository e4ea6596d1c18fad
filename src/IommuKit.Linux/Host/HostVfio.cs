using System.Globalization;

namespace IommuKit.Linux.Host;

/// <summary>What of VFIO and iommufd is there, and what limits them.</summary>
public sealed record HostVfio
{
    private const int LockMemory = 14;

    private HostVfio()
    {
    }

    /// <summary>Whether there is /dev/vfio/vfio: groups and containers.</summary>
    public bool HasContainers { get; private init; }

    /// <summary>Whether there is /dev/iommu: iommufd.</summary>
    public bool HasIommufd { get; private init; }

    /// <summary>Devices with a node of their own in /dev/vfio/devices, for iommufd.</summary>
    public int DeviceNodes { get; private init; }

    /// <summary>Whether the driver vfio-pci is loaded.</summary>
    public bool HasPciDriver { get; private init; }

    /// <summary>How many mappings a container of type 1 may have; null if that is not loaded.</summary>
    public long? MappingLimit { get; private init; }

    /// <summary>Whether type 1 takes devices whose interrupts are not remapped; null if it is not loaded.</summary>
    public bool? AllowsUnsafeInterrupts { get; private init; }

    /// <summary>Whether VFIO gives devices away without any IOMMU, so that they reach all memory; null if VFIO is not loaded.</summary>
    public bool? AllowsNoIommu { get; private init; }

    /// <summary>Bytes of memory that this process may lock, and so map for devices; null if there is no limit, or it is not known.</summary>
    public ulong? MemoryLockLimit { get; private init; }

    /// <summary>Whether this process may lock more than that (CAP_IPC_LOCK).</summary>
    public bool IsAboveMemoryLockLimit { get; private init; }

    internal static HostVfio Read(HostFiles files) => new()
    {
        HasContainers = files.HasFile("/dev/vfio/vfio"),
        HasIommufd = files.HasFile("/dev/iommu"),
        DeviceNodes = files.Names("/dev/vfio/devices").Count,
        HasPciDriver = files.HasFolder("/sys/bus/pci/drivers/vfio-pci"),
        MappingLimit = long.TryParse(
            files.TryRead("/sys/module/vfio_iommu_type1/parameters/dma_entry_limit"), NumberStyles.None, CultureInfo.InvariantCulture, out long limit)
            ? limit
            : null,
        AllowsUnsafeInterrupts = Switch(files, "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"),
        AllowsNoIommu = Switch(files, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"),
        MemoryLockLimit = Limit(files),
        IsAboveMemoryLockLimit = (ProcessStatus.Capabilities(files) >> LockMemory & 1) != 0,
    };

    private static bool? Switch(HostFiles files, string path) => files.TryRead(path) switch
    {
        "Y" or "1" => true,
        "N" or "0" => false,
        _ => null,
    };

    /// <summary>"Max locked memory         8388608              8388608              bytes".</summary>
    private static ulong? Limit(HostFiles files)
    {
        const string name = "Max locked memory";
        string? line = files.TryRead("/proc/self/limits")?.Split('\n').FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
        string? soft = line?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return ulong.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out ulong bytes) ? bytes : null;
    }
}
