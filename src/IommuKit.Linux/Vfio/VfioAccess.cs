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
    /// <exception cref="HostException">
    /// There is none, or it cannot be mapped (<see cref="HostProblem.NotMappable"/>): those are read and written by <see cref="ReadRegion"/> and
    /// <see cref="WriteRegion"/>.
    /// </exception>
    public VfioRegion MapRegion(int index)
    {
        var region = GetRegion(index);
        string name = $"region {index} of {Device.Name}";
        return region.Size == 0 ? throw NoRegion(index)
            : (region.Flags & CanMap) == 0 ? throw Remedies.NotMappable(name, "as it is one of ports, less than a page, or kept by the kernel")
            : Keep(new VfioRegion(_file, region.Offset, region.Size, name, _parts.Remove));
    }

    /// <summary>
    /// Makes a file (dma-buf) of a part of a region, so that other devices reach it: <see cref="HostDomain.MapRegion"/>. Linux 6.19 or newer does, where
    /// it is built for transfers from device to device.
    /// </summary>
    /// <param name="index">Which: 0 to 5 for the BARs of a PCI device.</param>
    /// <param name="offset">Where in it; a multiple of the processor's page.</param>
    /// <param name="length">Bytes; a multiple of the processor's page.</param>
    /// <exception cref="HostException">There is none, or the kernel makes no file of it: with what to do.</exception>
    /// <exception cref="ArgumentException">The part is not made of pages.</exception>
    public ExportedRegion ExportRegion(int index, ulong offset, ulong length)
    {
        if (length == 0 || (offset | length) % (ulong)Environment.SystemPageSize != 0)
        {
            throw new ArgumentException("The part is not made of pages.", nameof(length));
        }

        var region = GetRegion(index);
        return region.Size == 0 ? throw NoRegion(index)
            : offset > region.Size || length > region.Size - offset ? throw Beyond(index, offset, length)
            : Keep(ExportedRegion.Make(_file, NameOf(index), index, offset, length, _parts.Remove));
    }

    /// <summary>Reads a region by a call of the kernel, also one that cannot be mapped.</summary>
    /// <param name="index">Which.</param>
    /// <param name="offset">Where in it.</param>
    /// <param name="bytes">What is there.</param>
    /// <exception cref="HostException">There is nothing.</exception>
    public void ReadRegion(int index, ulong offset, Span<byte> bytes) =>
        Check(HostCalls.ReadAt(_file, bytes, Find(index, offset, bytes.Length)), bytes.Length, index, offset);

    /// <summary>Writes to a region by a call of the kernel, also to one that cannot be mapped.</summary>
    /// <param name="index">Which.</param>
    /// <param name="offset">Where in it.</param>
    /// <param name="bytes">What.</param>
    /// <exception cref="HostException">There is nothing.</exception>
    public void WriteRegion(int index, ulong offset, ReadOnlySpan<byte> bytes) =>
        Check(HostCalls.WriteAt(_file, bytes, Find(index, offset, bytes.Length)), bytes.Length, index, offset);

    /// <summary>Reads configuration space.</summary>
    /// <param name="offset">Where.</param>
    /// <param name="bytes">What is there.</param>
    /// <exception cref="HostException">There is nothing.</exception>
    public void ReadConfiguration(uint offset, Span<byte> bytes) =>
        ReadRegion(ConfigurationRegion, offset, bytes);

    /// <summary>Writes configuration space; the kernel lets through what is harmless.</summary>
    /// <param name="offset">Where.</param>
    /// <param name="bytes">What.</param>
    /// <exception cref="HostException">There is nothing.</exception>
    public void WriteConfiguration(uint offset, ReadOnlySpan<byte> bytes) =>
        WriteRegion(ConfigurationRegion, offset, bytes);

    /// <summary>Lets a PCI device answer for its registers and start transfers. After a reset it may have to be done again.</summary>
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
            throw new HostException(
                HostProblem.Unavailable,
                $"{Device.Name} has {(result < 0 ? 0 : info.Count)} interrupts of kind {kind}, not {count}: ask for no more, or for another kind");
        }

        return Keep(new VfioInterrupts(
            set => Ioctls.Call(_file, Ioctls.DeviceSetInterrupts, set), Device.Name, kind, count, _parts.Remove));
    }

    /// <summary>
    /// Resets the device alone. The kernel puts its configuration back as it was; what the device had in its registers, and the interrupts that were
    /// enabled, are its driver's to set up again. What is mapped in its domain stays.
    /// </summary>
    /// <exception cref="HostException">It cannot be reset alone (<see cref="HostProblem.Unavailable"/>), or the kernel failed to.</exception>
    public void Reset()
    {
        int result = (_info.Flags & CanReset) != 0 ? Ioctls.Call(_file, Ioctls.DeviceReset) : -Errno.Invalid;
        if (result < 0)
        {
            throw result == -Errno.Invalid ? Remedies.NoReset(Device.Name) : Remedies.Failed($"{Device.Name} cannot be reset", -result);
        }
    }

    /// <summary>Closes it, with its regions and interrupts.</summary>
    public void Dispose()
    {
        _parts.Close();
        _file.Dispose();
        Device.Forget(this);
    }

    private void Check(nint done, int wanted, int index, ulong offset)
    {
        if (done != wanted)
        {
            throw done < 0
                ? Remedies.Failed($"{wanted} bytes at 0x{offset:x} of {NameOf(index)} cannot be reached", (int)-done)
                : Beyond(index, offset, (ulong)wanted);
        }
    }

    private VfioRegionInfo GetRegion(int index)
    {
        var region = new VfioRegionInfo { ArgumentSize = Ioctls.SizeOf<VfioRegionInfo>(), Index = (uint)index };
        int result = index >= 0 ? Ioctls.Call(_file, Ioctls.DeviceGetRegionInfo, ref region) : -Errno.Invalid;
        return result >= 0 ? region
            : result == -Errno.Invalid ? throw NoRegion(index)
            : throw Remedies.Failed($"{NameOf(index)} cannot be found", -result);
    }

    /// <summary>Where in the device's file a part of a region is. Behind its end is another one.</summary>
    private ulong Find(int index, ulong offset, int length)
    {
        var region = GetRegion(index);
        return region.Size == 0 ? throw NoRegion(index)
            : offset > region.Size || (ulong)length > region.Size - offset ? throw Beyond(index, offset, (ulong)length)
            : region.Offset + offset;
    }

    private string NameOf(int index) => index == ConfigurationRegion ? $"the configuration of {Device.Name}" : $"region {index} of {Device.Name}";

    private HostException NoRegion(int index)
    {
        var others = Enumerable.Range(0, Regions).Where(other => IsThere(other));
        return new HostException(
            HostProblem.Unavailable,
            $"{Device.Name} has no region {index}: use one that it has ({string.Join(", ", others)})");

        bool IsThere(int other)
        {
            var region = new VfioRegionInfo { ArgumentSize = Ioctls.SizeOf<VfioRegionInfo>(), Index = (uint)other };
            return Ioctls.Call(_file, Ioctls.DeviceGetRegionInfo, ref region) >= 0 && region.Size != 0;
        }
    }

    private HostException Beyond(int index, ulong offset, ulong length) => new(
        HostProblem.Failed, $"{NameOf(index)} has no 0x{length:x} bytes at 0x{offset:x}: it has 0x{GetRegion(index).Size:x} in all");

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
