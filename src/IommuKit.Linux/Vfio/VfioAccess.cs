using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>A device that is open: its registers, configuration space, interrupts and reset. It is closed when the device leaves its domain.</summary>
public sealed class VfioAccess : IDisposable
{
    private const uint CanReset = 1;
    private const uint CanMap = 4;
    private const int ConfigurationRegion = 7;
    private const uint CommandRegister = 4;
    private const ushort BusMaster = 4;
    private const ushort MemorySpace = 2;

    private readonly SafeFileHandle _file;
    private readonly VfioDeviceInfo _info;
    private readonly OpenParts _parts = new();

    internal VfioAccess(VfioDevice device, SafeFileHandle file)
    {
        Device = device;
        _file = file;
        _info = new VfioDeviceInfo { ArgumentSize = Ioctls.SizeOf<VfioDeviceInfo>() };
        int result = Ioctls.Call(file, Ioctls.DeviceGetInfo, ref _info);
        if (result < 0)
        {
            file.Dispose();
            throw Remedies.Failed($"{device.Name} does not say what it is", -result);
        }
    }

    /// <summary>The device.</summary>
    public VfioDevice Device { get; }

    /// <summary>Regions, such as the six BARs of a PCI device.</summary>
    public int Regions => (int)_info.Regions;

    /// <summary>Maps a region's registers into this process.</summary>
    /// <param name="index">Which: 0 to 5 for the BARs of a PCI device.</param>
    /// <exception cref="HostException">There is none, or it cannot be mapped.</exception>
    public VfioRegion MapRegion(int index)
    {
        var region = GetRegion(index);
        if (region.Size == 0 || (region.Flags & CanMap) == 0)
        {
            throw new HostException(
                HostProblem.Unavailable,
                region.Size == 0
                    ? $"{Device.Name} has no region {index}"
                    : $"region {index} of {Device.Name} cannot be mapped: the kernel keeps it, or it is one of ports");
        }

        return Keep(new VfioRegion(_file, region.Offset, region.Size, $"region {index} of {Device.Name}", _parts.Remove));
    }

    /// <summary>Reads configuration space.</summary>
    /// <param name="offset">Where.</param>
    /// <param name="bytes">What is there.</param>
    /// <exception cref="HostException">There is nothing.</exception>
    public void ReadConfiguration(uint offset, Span<byte> bytes) =>
        Check(HostCalls.ReadAt(_file, bytes, GetRegion(ConfigurationRegion).Offset + offset), bytes.Length, offset);

    /// <summary>Writes configuration space; the kernel lets through what is harmless.</summary>
    /// <param name="offset">Where.</param>
    /// <param name="bytes">What.</param>
    /// <exception cref="HostException">There is nothing.</exception>
    public void WriteConfiguration(uint offset, ReadOnlySpan<byte> bytes) =>
        Check(HostCalls.WriteAt(_file, bytes, GetRegion(ConfigurationRegion).Offset + offset), bytes.Length, offset);

    /// <summary>Lets a PCI device answer for its registers and start transfers; after a reset it has to be done again.</summary>
    public void EnableBusMaster()
    {
        Span<byte> command = stackalloc byte[sizeof(ushort)];
        ReadConfiguration(CommandRegister, command);
        command[0] |= (byte)(BusMaster | MemorySpace);
        WriteConfiguration(CommandRegister, command);
    }

    /// <summary>Has interrupts of a kind delivered to this program.</summary>
    /// <param name="kind">Which kind.</param>
    /// <param name="count">How many vectors, from 0 on.</param>
    /// <exception cref="HostException">The device has not so many.</exception>
    public VfioInterrupts EnableInterrupts(VfioInterruptKind kind, int count = 1)
    {
        var info = new VfioInterruptInfo { ArgumentSize = Ioctls.SizeOf<VfioInterruptInfo>(), Index = (uint)kind };
        int result = Ioctls.Call(_file, Ioctls.DeviceGetInterruptInfo, ref info);
        if (result < 0 || count < 1 || count > info.Count)
        {
            throw new HostException(HostProblem.Unavailable, $"{Device.Name} has {(result < 0 ? 0 : info.Count)} interrupts of kind {kind}, not {count}");
        }

        return Keep(new VfioInterrupts(_file, Device.Name, kind, count, _parts.Remove));
    }

    /// <summary>Resets the device alone. Bus mastering is off then.</summary>
    /// <exception cref="HostException">It cannot be reset alone.</exception>
    public void Reset()
    {
        int result = (_info.Flags & CanReset) != 0 ? Ioctls.Call(_file, Ioctls.DeviceReset) : -Errno.Invalid;
        if (result < 0)
        {
            throw result == -Errno.Invalid
                ? new HostException(HostProblem.Unavailable, $"{Device.Name} has no reset that leaves its neighbours alone")
                : Remedies.Failed($"{Device.Name} cannot be reset", -result);
        }
    }

    /// <summary>Closes it, with its regions and interrupts.</summary>
    public void Dispose()
    {
        _parts.Close();
        _file.Dispose();
        Device.Forget(this);
    }

    private void Check(nint done, int wanted, uint offset)
    {
        if (done != wanted)
        {
            string what = $"{Device.Name} has no {wanted} bytes of configuration at 0x{offset:x}";
            throw done < 0 ? Remedies.Failed(what, (int)-done) : new HostException(what);
        }
    }

    private VfioRegionInfo GetRegion(int index)
    {
        var region = new VfioRegionInfo { ArgumentSize = Ioctls.SizeOf<VfioRegionInfo>(), Index = (uint)index };
        int result = index >= 0 ? Ioctls.Call(_file, Ioctls.DeviceGetRegionInfo, ref region) : -Errno.Invalid;
        return result >= 0 ? region : throw Remedies.Failed($"{Device.Name} has no region {index}", -result);
    }

    private T Keep<T>(T part)
        where T : IDisposable
    {
        if (!_parts.TryAdd(part))
        {
            part.Dispose();
            throw new ObjectDisposedException(nameof(VfioAccess));
        }

        return part;
    }
}
