namespace IommuKit.Linux.Host;

/// <summary>A host as its kernel shows it: IOMMUs, groups, devices, and what lets programs use them. Nothing of it is safe to print as it is.</summary>
public sealed record HostInfo
{
    private HostInfo()
    {
    }

    /// <summary>The kernel, such as "6.12.95"; null if it does not say.</summary>
    public string? Kernel { get; private init; }

    /// <summary>The kernel's command line; empty if it may not be read.</summary>
    public string CommandLine { get; private init; } = string.Empty;

    /// <summary>The machine, as its firmware calls it; null if it does not.</summary>
    public string? Machine { get; private init; }

    /// <summary>Whether the processor says that it is one of a virtual machine. If false, nothing says either way.</summary>
    public bool IsVirtual { get; private init; }

    /// <summary>Processors that are on; 0 if the kernel does not say.</summary>
    public int Processors { get; private init; }

    /// <summary>The IOMMUs that the kernel drives.</summary>
    public IReadOnlyList<HostIommu> Iommus { get; private init; } = [];

    /// <summary>The groups, by number.</summary>
    public IReadOnlyList<HostGroup> Groups { get; private init; } = [];

    /// <summary>
    /// PCI devices without a driver that are in no group, of a host that has IOMMUs; bridges and IOMMUs left out. Where a device tree describes the
    /// machine, kernels (6.1 was seen) put a device into its group no earlier than a driver takes it: <see cref="GroupAccess.OfUngrouped"/> has the
    /// commands.
    /// </summary>
    public IReadOnlyList<HostDevice> UngroupedDevices { get; private init; } = [];

    /// <summary>VFIO and iommufd.</summary>
    public required HostVfio Vfio { get; init; }

    /// <summary>Looks at this machine. No rights are needed; what they hide is missing.</summary>
    /// <exception cref="PlatformNotSupportedException">It does not run Linux.</exception>
    public static HostInfo Read() => Read(HostFiles.OfThisMachine());

    internal static HostInfo Read(HostFiles files)
    {
        var iommus = IommuReader.ReadAll(files);
        return new()
        {
            Kernel = files.TryRead("/proc/sys/kernel/osrelease"),
            CommandLine = files.TryRead("/proc/cmdline") ?? string.Empty,
            Machine = MachineOf(files),
            IsVirtual = files.TryRead("/proc/cpuinfo")?.Split('\n').Any(IsVirtualCpu) == true,
            Processors = Count(files.TryRead("/sys/devices/system/cpu/online")),
            Iommus = iommus,
            Groups = GroupReader.ReadAll(files),
            UngroupedDevices = iommus.Count == 0 ? [] : GroupReader.ReadUngrouped(files),
            Vfio = HostVfio.Read(files),
        };
    }

    private static bool IsVirtualCpu(string line) =>
        line.StartsWith("flags", StringComparison.Ordinal) && line.Split(' ').Contains("hypervisor", StringComparer.Ordinal);

    private static string? MachineOf(HostFiles files)
    {
        const string folder = "/sys/class/dmi/id";
        string name = $"{files.TryRead($"{folder}/sys_vendor")} {files.TryRead($"{folder}/product_name")}".Trim();
        return name.Length != 0 ? name : files.TryRead("/proc/device-tree/model");
    }

    /// <summary>"0-3,6" are five.</summary>
    private static int Count(string? list)
    {
        int count = 0;
        foreach (string range in list?.Split(',') ?? [])
        {
            string[] ends = range.Split('-');
            if (ushort.TryParse(ends[0], out ushort first) && ushort.TryParse(ends[^1], out ushort last) && last >= first)
            {
                count += last - first + 1;
            }
        }

        return count;
    }
}
