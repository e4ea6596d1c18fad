using IommuKit.Linux.Host;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>The nodes of devices, each opened once and bound to one iommufd.</summary>
internal sealed class VfioNodes(HostFiles files, SafeFileHandle iommufd) : IDisposable
{
    private readonly Dictionary<VfioDevice, SafeFileHandle> _open = [];
    private readonly Dictionary<VfioDevice, uint> _ids = [];

    /// <summary>The node of a device, bound.</summary>
    /// <exception cref="HostException">It cannot be opened or bound.</exception>
    public SafeFileHandle Open(VfioDevice device)
    {
        lock (_open)
        {
            if (_open.TryGetValue(device, out var file))
            {
                return file;
            }

            if (device.Node is not { } node)
            {
                throw Remedies.NoNode(device.Name);
            }

            string path = $"/dev/vfio/devices/{node}";
            file = Nodes.Open(files, path, Remedies.NoNode(device.Name));
            var bind = new VfioBindIommufd { ArgumentSize = Ioctls.SizeOf<VfioBindIommufd>(), Iommufd = (int)iommufd.DangerousGetHandle() };
            int result = Ioctls.Call(file, Ioctls.DeviceBindIommufd, ref bind);
            if (result < 0)
            {
                file.Dispose();
                // A device that another file has open is refused as invalid, one whose group is open as busy.
                throw result is -Errno.Busy or -Errno.Invalid
                    ? Remedies.CannotOpen(path, Errno.Busy)
                    : result == -Errno.NotPermitted ? NotPermitted(files, device.Name, device.Group)
                    : Remedies.Failed($"{device.Name} cannot be bound to iommufd", -result);
            }

            _open.Add(device, file);
            _ids[device] = bind.DeviceId;
            return file;
        }
    }

    /// <summary>
    /// Why a device may not be bound: the kernel has the same number for a group that drivers of its own use, and for interrupts that are not remapped.
    /// </summary>
    internal static HostException NotPermitted(HostFiles files, string name, int number)
    {
        var group = GroupReader.ReadAll(files).FirstOrDefault(group => group.Number == number);
        return group?.Devices.Any(other => other is { Driver: not null, IsWithVfio: false, IsBridge: false }) == true
            ? Remedies.NotViable(name, number)
            : Remedies.NoUnsafeInterrupts("iommufd");
    }

    /// <summary>What iommufd calls a device whose node is open.</summary>
    public uint IdOf(VfioDevice device)
    {
        lock (_open)
        {
            return _ids[device];
        }
    }

    /// <summary>The device that iommufd calls so; null if it is none of these.</summary>
    public VfioDevice? Find(uint id)
    {
        lock (_open)
        {
            return _ids.FirstOrDefault(pair => pair.Value == id).Key;
        }
    }

    /// <summary>The node of a device, for one who will close it: that leaves ours open.</summary>
    public SafeFileHandle Lend(VfioDevice device)
    {
        var file = HostCalls.Duplicate(Open(device), out int errno);
        return !file.IsInvalid ? file : throw Remedies.CannotShare($"the node of {device.Name}", errno);
    }

    public void Dispose()
    {
        lock (_open)
        {
            foreach (var file in _open.Values)
            {
                file.Dispose();
            }

            _open.Clear();
        }
    }
}
