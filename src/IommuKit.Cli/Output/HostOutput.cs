using System.Globalization;
using IommuKit.Lab;
using IommuKit.Linux.Host;
using IommuKit.Traces;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit host info</c> says. Names come from the kernel, and devices can choose some: nothing of them is trusted.</summary>
internal static class HostOutput
{
    /// <summary>An IOMMU.</summary>
    public static FieldList<HostIommu> IommuFields { get; } = new("host-iommu")
    {
        { "name", "as the kernel names it", iommu => iommu.Name },
        { "kind", "its kind; of one that is not known here the driver's name", iommu => iommu.Kind, Maybe.Null },
        { "input_bits", "bits of an IOVA; null if the kernel does not show it", iommu => (long?)iommu.InputBits },
        { "page_sizes", "bitmap of page sizes; null if the kernel does not show them", iommu => iommu.PageSizes },
        { "features", "what it can do; empty if the kernel does not show it", iommu => iommu.Features },
        { "devices", "devices that it translates for", iommu => iommu.Devices },
    };

    /// <summary>A device.</summary>
    public static FieldList<HostDevice> DeviceFields { get; } = new("host-device")
    {
        { "device", "as the kernel names it", device => device.Name, new("Device") },
        { "bus", "`pci`, `platform` and others", device => device.Bus, Maybe.Null },
        { "pci_class", "24 bits; null of devices that are not PCI", device => (long?)device.PciClass },
        { "driver", "the driver that has it", device => device.Driver, Maybe.Null, new("Driver", 0, driver => driver ?? "–") },
        { "iommu", "the IOMMU that translates for it", device => device.Iommu, Maybe.Null, new("IOMMU", 2, iommu => iommu ?? "–") },
        { "vfio_node", "its node in /dev/vfio/devices", device => device.VfioNode, Maybe.Null },
    };

    /// <summary>A range of IOVAs that nothing may be mapped at.</summary>
    public static FieldList<ReservedRegion> RegionFields { get; } = new("host-region")
    {
        { "first", "the first IOVA", region => region.First },
        { "last", "the last one", region => region.Last },
        { "kind", "`direct`, `direct-relaxable`, `reserved` or `msi`", region => region.Kind },
    };

    /// <summary>A group.</summary>
    public static FieldList<GroupAccess> GroupFields { get; } = new("host-group")
    {
        { "group", "its number; null of a device that gets a group with a driver", NumberOf },
        { "type", "the type of its default domain, as the kernel names it", access => access.Group.Type, Maybe.Null },
        {
            "mode", "what that does: `strict`, `lazy`, `identity`, `blocked`, `unmanaged` or `unknown`", access => Names.Of(access.Group.Mode)
        },
        {
            "state",
            "`ready` (with VFIO), `in-use`, `unbound`, `refused` (VFIO does not take it: memory that is mapped 1:1), `not-pci` or `empty` (bridges)",
            access => Names.Of(access.State)
        },
        { "commands", "for a shell of root: what lets programs use its devices", access => access.Commands },
        { "dangers", "what that puts at risk", access => access.Dangers },
        { "undo_commands", "what gives the devices back", access => access.UndoCommands },
        { "reserved_regions", "IOVAs that nothing can be mapped at", RegionFields, access => access.Group.ReservedRegions },
        { "devices", "its devices", DeviceFields, access => access.Group.Devices },
    };

    /// <summary>VFIO and iommufd.</summary>
    public static FieldList<HostVfio> VfioFields { get; } = new("host-vfio")
    {
        { "containers", "whether there is /dev/vfio/vfio", vfio => vfio.HasContainers },
        { "iommufd", "whether there is /dev/iommu", vfio => vfio.HasIommufd },
        { "device_nodes", "nodes in /dev/vfio/devices", vfio => vfio.DeviceNodes },
        { "pci_driver", "whether vfio-pci is loaded", vfio => vfio.HasPciDriver },
        { "mapping_limit", "mappings that a container may have; null if type 1 is not loaded", vfio => vfio.MappingLimit },
        {
            "unsafe_interrupts",
            "whether type 1 takes devices whose interrupts are not remapped; null if it is not loaded",
            vfio => vfio.AllowsUnsafeInterrupts
        },
        { "no_iommu", "whether VFIO gives devices away without an IOMMU; null if VFIO is not loaded", vfio => vfio.AllowsNoIommu },
        { "memory_lock_limit_bytes", "what this process may lock, and so map; null if there is no limit", vfio => vfio.MemoryLockLimit },
        { "above_memory_lock_limit", "whether it may lock more (CAP_IPC_LOCK)", vfio => vfio.IsAboveMemoryLockLimit },
    };

    /// <summary>The host.</summary>
    public static FieldList<HostInfo> Fields { get; } = new("host")
    {
        { "kernel", "the kernel", info => info.Kernel, Maybe.Null },
        { "machine", "the machine, as its firmware calls it", info => info.Machine, Maybe.Null },
        { "virtual_machine", "whether the processor says that it is a virtual machine's; false if nothing does", info => info.IsVirtual },
        { "processors", "those that are on; 0 if the kernel does not say", info => info.Processors },
        { "iommus", "the IOMMUs", IommuFields, info => info.Iommus },
        { "groups", "the groups", GroupFields, Accesses },
        {
            "ungrouped_devices",
            "PCI devices without a driver that are in no group: kernels make it, where a device tree describes the machine, as a driver takes them",
            DeviceFields,
            info => info.UngroupedDevices
        },
        { "vfio", "VFIO and iommufd", VfioFields, info => info.Vfio, Maybe.Null },
    };

    /// <summary>A device in CSV and in the table.</summary>
    public static FieldList<(GroupAccess Access, HostDevice Device)> RowFields { get; } = new("host-row")
    {
        {
            "group",
            "its group; null of a device that gets one with a driver",
            row => NumberOf(row.Access),
            new("Group", 0, number => number?.ToString(CultureInfo.InvariantCulture) ?? "–")
        },
        { DeviceFields, row => row.Device },
        { "mode", "as of the group", row => Names.Of(row.Access.Group.Mode), new("Domain") },
        { "state", "as of the group; a bridge stays with its driver", row => Names.Of(row.Access.State), new("For programs") },
    };

    private static readonly Style Doubtful = new(Color.Yellow);

    /// <summary>Writes all about a host.</summary>
    public static void Write(Results results, HostInfo info)
    {
        var ungrouped = info.UngroupedDevices.Select(device => GroupAccess.OfUngrouped(info, device));
        (GroupAccess, HostDevice)[] rows = [.. Accesses(info).Concat(ungrouped).SelectMany(access => access.Group.Devices.Select(device => (access, device)))];
        results.WriteOne(Fields, info, RowFields, rows, (console, isMarkdown) => WriteTables(console, info, rows, isMarkdown));
    }

    /// <summary>Writes what lets programs use a device.</summary>
    public static void WriteAccess(Results results, GroupAccess access, string device) =>
        results.Write(GroupFields, [access], (console, isMarkdown) =>
        {
            var sections = new Sections(console, isMarkdown);
            string[] peers = [.. access.Group.Devices.Select(one => one.Name).Where(name => name != device)];
            string together = peers.Length == 0 ? "alone in it" : $"together with {string.Join(", ", peers)}";
            sections.Plain(NumberOf(access) is { } number
                ? string.Create(CultureInfo.InvariantCulture, $"{device}: group {number}, {together}")
                : $"{device}: in no group yet; the kernel makes it when a driver takes the device, and 'host info' tells then what else is in it");
            sections.Section("STATE", [new SectionLine(Sentence(access.State), access.State == GroupState.Ready ? null : Doubtful)]);
            Lines(sections, "TO USE IT", access.Commands);
            Lines(sections, "DANGER", access.Dangers);
            Lines(sections, "UNDO", access.UndoCommands);
            sections.Write();
        });

    private static long? NumberOf(GroupAccess access) => access.Group.Number == HostGroup.NoNumber ? null : access.Group.Number;

    private static IReadOnlyList<GroupAccess> Accesses(HostInfo info) => [.. info.Groups.Select(group => GroupAccess.Of(info, group))];

    private static void WriteTables(IAnsiConsole console, HostInfo info, (GroupAccess Access, HostDevice Device)[] rows, bool isMarkdown)
    {
        var sections = new Sections(console, isMarkdown);
        string?[] title =
        [
            "This machine",
            info.Kernel is { } kernel ? $"Linux {kernel}" : null,
            info.Machine,
            info.Processors == 0 ? null : Numbers.Count(info.Processors, "CPU"),
            info.IsVirtual ? "virtual machine" : null,
        ];
        sections.Plain(string.Join(" · ", title.Where(part => part is not null)), new Style(decoration: Decoration.Bold));
        sections.Section("IOMMUS", info.Iommus.Select(iommu => new SectionLine(Sentence(iommu))).DefaultIfEmpty(new SectionLine(
            "none in use: turn it on in the firmware (VT-d, AMD-Vi, SMMU), and with Intel's boot with intel_iommu=on", Doubtful)));
        if (info.Groups.Count != 0)
        {
            sections.Section("MODE", Modes(info).Select(text => new SectionLine(text)));
        }

        sections.Section("VFIO", Vfio(info.Vfio));
        sections.Write();
        if (rows.Length == 0)
        {
            return;
        }

        console.WriteLine();
        var table = new ColumnTable("Devices", isMarkdown);
        var columns = RowFields.Select(field => field.Column).OfType<Column<(GroupAccess, HostDevice)>>().ToList();
        columns.ForEach(column => table.AddColumn(column.Header, column.Rank, column.IsNumber));
        foreach (var row in rows)
        {
            table.AddRow([.. columns.Select(column => Printable.Of(column.Cell(row)))]);
        }

        table.Write(console);
        console.Note(isMarkdown, "iommukit host info DEVICE says what lets a program use it, and why that is dangerous.");
    }

    private static string Sentence(HostIommu iommu)
    {
        string?[] parts =
        [
            iommu.Kind ?? "of unknown kind",
            iommu.InputBits is { } bits ? string.Create(CultureInfo.InvariantCulture, $"IOVAs of {bits} bits") : null,
            iommu.PageSizes is { } sizes ? $"pages {PagesOf(sizes)}" : null,
            iommu.Devices == 0 ? null : Numbers.Count(iommu.Devices, "device"),
            iommu.Features.Count == 0 ? null : string.Join(", ", iommu.Features),
        ];
        return $"{iommu.Name}: {string.Join("; ", parts.Where(part => part is not null))}";
    }

    private static string PagesOf(ulong sizes) =>
        ulong.PopCount(sizes) > 8 ? $"from {ByteSize.Format(sizes & (~sizes + 1))} on" : ByteSize.FormatAll(sizes);

    private static IEnumerable<string> Modes(HostInfo info) => info.Groups
        .GroupBy(group => group.Mode)
        .OrderByDescending(groups => groups.Count())
        .Select(groups => $"{Numbers.Count(groups.Count(), "group")}: " + groups.Key switch
        {
            DomainMode.Strict => "strict – what is unmapped is out of reach at once (DMA)",
            DomainMode.Lazy => "lazy – what is unmapped stays within reach for up to 10 ms (DMA-FQ)",
            DomainMode.Identity => "identity – devices reach all memory, and nothing is mapped",
            DomainMode.Blocked => "blocked – devices reach nothing",
            DomainMode.Unmanaged => "unmanaged – with a program or a virtual machine",
            _ => "the kernel does not say",
        });

    private static IEnumerable<SectionLine> Vfio(HostVfio vfio)
    {
        yield return vfio switch
        {
            { HasContainers: true, HasIommufd: true } => new SectionLine("containers (/dev/vfio/vfio) and iommufd (/dev/iommu)", null),
            { HasContainers: true } => new SectionLine("containers (/dev/vfio/vfio); no iommufd (modprobe iommufd, from Linux 6.2 on)", null),
            { HasIommufd: true } => new SectionLine("iommufd (/dev/iommu); no containers (modprobe vfio_iommu_type1)", null),
            _ => new SectionLine("not loaded: modprobe vfio-pci, where the kernel has it", Doubtful),
        };
        if (vfio.MappingLimit is { } mappings)
        {
            yield return new($"at most {Numbers.Count(mappings, "mapping")} in a container (dma_entry_limit of vfio_iommu_type1)");
        }

        yield return vfio switch
        {
            { IsAboveMemoryLockLimit: true } => new SectionLine("memory to map: no limit for this process (CAP_IPC_LOCK)", null),
            { MemoryLockLimit: { } bytes } => new SectionLine($"memory to map: at most {ByteSize.Format(bytes)} for this process (ulimit -l, or LimitMEMLOCK= of systemd)", null),
            _ => new SectionLine("memory to map: no limit for this process", null),
        };
        if (vfio.AllowsUnsafeInterrupts == true)
        {
            yield return new("devices without interrupt remapping are taken (allow_unsafe_interrupts): they can send any interrupt", Doubtful);
        }

        if (vfio.AllowsNoIommu == true)
        {
            yield return new("devices are given away without an IOMMU (enable_unsafe_noiommu_mode): they reach all memory", Doubtful);
        }
    }

    private static string Sentence(GroupState state) => state switch
    {
        GroupState.Ready => "ready: VFIO has it",
        GroupState.InUse => "in use: a driver of the kernel has it, or one beside it in its group",
        GroupState.Unbound => "no driver has it, VFIO neither",
        GroupState.Refused => "VFIO refuses it: the firmware wants memory mapped 1:1 for it (a direct region); firmware may have a setting for that",
        GroupState.NotPci => "not a PCI device: vfio-pci does not take it, and drivers for its bus (vfio-platform and others) need their own steps",
        _ => "bridges only: they stay with their drivers",
    };

    private static void Lines(Sections sections, string label, IReadOnlyList<string> lines)
    {
        if (lines.Count != 0)
        {
            sections.Section(label, lines.Select(line => new SectionLine(line)));
        }
    }
}
