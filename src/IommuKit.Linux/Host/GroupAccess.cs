namespace IommuKit.Linux.Host;

/// <summary>What it takes to let a program use the devices of a group, and what that puts at risk.</summary>
public sealed record GroupAccess
{
    private GroupAccess(HostGroup group, GroupState state)
    {
        Group = group;
        State = state;
    }

    /// <summary>The group.</summary>
    public HostGroup Group { get; }

    /// <summary>Whether they can be used.</summary>
    public GroupState State { get; }

    /// <summary>Commands for a shell of root, in order; empty if none is needed, or none helps.</summary>
    public IReadOnlyList<string> Commands { get; private init; } = [];

    /// <summary>Commands that give the devices back.</summary>
    public IReadOnlyList<string> UndoCommands { get; private init; } = [];

    /// <summary>What these commands put at risk; empty if there are none.</summary>
    public IReadOnlyList<string> Dangers { get; private init; } = [];

    /// <summary>Finds out.</summary>
    /// <param name="info">The host.</param>
    /// <param name="group">One of its groups.</param>
    public static GroupAccess Of(HostInfo info, HostGroup group)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(group);
        HostDevice[] endpoints = [.. group.Devices.Where(device => !device.IsBridge)];
        HostDevice[] others = [.. endpoints.Where(device => !device.IsWithVfio)];
        if (endpoints.Length == 0)
        {
            return new GroupAccess(group, GroupState.Empty);
        }

        // Names of devices go into commands: only what cannot be anything else.
        if (endpoints.Any(device => !device.IsPci))
        {
            return new GroupAccess(group, GroupState.NotPci);
        }

        if (group.ReservedRegions.Any(region => region.Kind == "direct"))
        {
            return new GroupAccess(group, GroupState.Refused);
        }

        bool isReady = others.Length < endpoints.Length && others.All(device => device.Driver is null);
        if (isReady)
        {
            return new GroupAccess(group, GroupState.Ready) { UndoCommands = [.. endpoints.Where(device => device.IsWithVfio).SelectMany(GiveBack)] };
        }

        return new GroupAccess(group, others.Any(device => device.Driver is not null) ? GroupState.InUse : GroupState.Unbound)
        {
            Commands = [.. info.Vfio.HasPciDriver ? Array.Empty<string>() : ["modprobe vfio-pci"], .. others.SelectMany(Take)],
            UndoCommands = [.. others.SelectMany(GiveBack)],
            Dangers =
            [
                .. others.Where(device => device.Driver is not null).Select(Loss),
                "a program that may open the device's node can have it read and write all memory that it maps for it, and reset it",
            ],
        };
    }

    /// <summary>Finds out of a device that is in no group before a driver has it. Which devices go with it, the kernel says afterwards.</summary>
    /// <param name="info">The host.</param>
    /// <param name="device">One of its <see cref="HostInfo.UngroupedDevices"/>.</param>
    public static GroupAccess OfUngrouped(HostInfo info, HostDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return Of(info, new HostGroup(HostGroup.NoNumber) { Devices = [device] });
    }

    private static string Loss(HostDevice device)
    {
        string lost = (device.PciClass >> 16) switch
        {
            0x01 => "file systems on its disks are gone at once, and what was not written is lost",
            0x02 => "its network interfaces go, with all connections over them, perhaps the one that you type through",
            0x03 => "the screen goes dark, and on many machines stays so until a reboot",
            0x0c => "what is plugged in goes, keyboards and disks among it",
            _ => "whatever uses it fails at once",
        };
        return $"{device.Name} is taken from its driver {device.Driver} while it runs: {lost}";
    }

    private static IEnumerable<string> Take(HostDevice device)
    {
        string path = $"/sys/bus/pci/devices/{device.Name}";
        yield return $"echo vfio-pci > {path}/driver_override";
        if (device.Driver is not null)
        {
            yield return $"echo {device.Name} > {path}/driver/unbind";
        }

        yield return $"echo {device.Name} > /sys/bus/pci/drivers_probe";
    }

    private static IEnumerable<string> GiveBack(HostDevice device)
    {
        string path = $"/sys/bus/pci/devices/{device.Name}";
        return
        [
            $"echo > {path}/driver_override", $"echo {device.Name} > {path}/driver/unbind", $"echo {device.Name} > /sys/bus/pci/drivers_probe",
        ];
    }
}
