using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>A container of VFIO type 1: it takes whole groups, and maps only once it has one.</summary>
internal sealed class Type1Space : HostSpace
{
    private const int Type1V2 = 3;
    private const uint Viable = 1;
    private const uint HasPageSizes = 1;
    private const uint HasCapabilities = 2;
    private const ushort IovaRangeCapability = 1;
    private const int MostInfo = 1 << 16;
    private const uint DirtyStart = 1;
    private const uint DirtyStop = 2;
    private const uint DirtyGet = 4;
    private const uint DirtyHeader = 8;

    private readonly SafeFileHandle _container;
    private readonly Dictionary<int, int> _devicesOfGroup = [];
    private readonly VfioGroups _groups;
    private bool _hasIommu;

    public Type1Space(HostFiles files, VfioGroups groups)
    {
        _groups = groups;
        _container = Nodes.Open(files, "/dev/vfio/vfio", Remedies.NoContainers());
        int version = Ioctls.Call(_container, Ioctls.GetApiVersion);
        if (version != 0 || Ioctls.Call(_container, Ioctls.CheckExtension, Type1V2) != 1)
        {
            _container.Dispose();
            throw new HostException(
                HostProblem.Unavailable, "this kernel's VFIO has no type 1, version 2: load it (as root: modprobe vfio_iommu_type1)");
        }
    }

    public override bool CanMap => _hasIommu;

    public override void Attach(VfioDevice device)
    {
        int number = device.Group;
        if (_devicesOfGroup.TryGetValue(number, out int devices))
        {
            _devicesOfGroup[number] = devices + 1;
            return;
        }

        var group = _groups.Open(number);
        var status = new VfioGroupStatus { ArgumentSize = Ioctls.SizeOf<VfioGroupStatus>() };
        Check(Ioctls.Call(group, Ioctls.GroupGetStatus, ref status), $"group {number} does not say how it is");
        if ((status.Flags & Viable) == 0)
        {
            throw Remedies.NotViable(device.Name, number);
        }

        int container = (int)_container.DangerousGetHandle();
        Check(Ioctls.Call(group, Ioctls.GroupSetContainer, ref container), $"group {number} cannot be put into a container");
        if (!_hasIommu)
        {
            int error = Ioctls.Call(_container, Ioctls.SetIommu, Type1V2);
            if (error < 0)
            {
                Ioctls.Call(group, Ioctls.GroupUnsetContainer);
                throw error == -Errno.NotPermitted ? Remedies.NoUnsafeInterrupts("vfio_iommu_type1") : Remedies.Failed("the container gets no IOMMU", -error);
            }

            _hasIommu = true;
        }

        _devicesOfGroup[number] = 1;
    }

    public override void Detach(VfioDevice device)
    {
        int devices = _devicesOfGroup[device.Group];
        if (devices != 1)
        {
            _devicesOfGroup[device.Group] = devices - 1;
            return;
        }

        // With its last group the container loses its IOMMU, and all mappings.
        Check(
            Ioctls.Call(_groups.Open(device.Group), Ioctls.GroupUnsetContainer),
            $"group {device.Group} cannot be taken out of its container");
        _devicesOfGroup.Remove(device.Group);
        _hasIommu = _devicesOfGroup.Count != 0;
    }

    public override int Map(ulong iova, ulong address, ulong size, bool reads, bool writes)
    {
        var map = new VfioMap
        {
            ArgumentSize = Ioctls.SizeOf<VfioMap>(),
            Flags = (reads ? 1u : 0) | (writes ? 2u : 0),
            Address = address,
            Iova = iova,
            Size = size,
        };
        return Math.Max(0, -Ioctls.Call(_container, Ioctls.Type1Map, ref map));
    }

    public override int MapFile(ulong iova, SafeFileHandle file, ulong offset, ulong size, bool reads, bool writes) => throw Remedies.NoMapFileByType1();

    public override void CheckMapsRegions() => throw Remedies.NoMapRegionByType1();

    public override int Copy(ulong iova, HostSpace source, ulong sourceIova, ulong size, bool reads, bool writes) => throw Remedies.NoCopyByType1();

    public override bool UsesLargePages() => throw Remedies.NoPageChoiceByType1();

    public override void UseLargePages(bool isOn) => throw Remedies.NoPageChoiceByType1();

    public override int Unmap(ulong iova, ulong size)
    {
        var unmap = new VfioUnmap { ArgumentSize = Ioctls.SizeOf<VfioUnmap>(), Iova = iova, Size = size };
        return Math.Max(0, -Ioctls.Call(_container, Ioctls.Type1Unmap, ref unmap));
    }

    public override void TrackDirtyPages(bool isOn)
    {
        // The two parts of the structure that are about a range are not read.
        var dirty = new VfioDirtyPages { ArgumentSize = DirtyHeader, Flags = isOn ? DirtyStart : DirtyStop };
        Check(Ioctls.Call(_container, Ioctls.Type1DirtyPages, ref dirty), "the container does not note which pages devices write to");
    }

    public override void ReadDirtyPages(ulong iova, ulong size, ulong pageSize, ulong[] bitmap)
    {
        var dirty = new VfioDirtyPages
        {
            ArgumentSize = Ioctls.SizeOf<VfioDirtyPages>(),
            Flags = DirtyGet,
            Iova = iova,
            Size = size,
            PageSize = pageSize,
            BitmapBytes = (ulong)bitmap.Length * sizeof(ulong),
            Bitmap = (ulong)Marshal.UnsafeAddrOfPinnedArrayElement(bitmap, 0),
        };
        Check(
            Ioctls.Call(_container, Ioctls.Type1DirtyPages, ref dirty),
            "the container does not say which pages devices wrote to; the range must not begin or end within a mapping");
    }

    public override HostWindows ReadWindows()
    {
        var info = new VfioType1Info { ArgumentSize = Ioctls.SizeOf<VfioType1Info>() };
        Check(Ioctls.Call(_container, Ioctls.Type1GetInfo, ref info), "the container does not say what it can map");
        byte[] all = new byte[Math.Clamp((int)Math.Min(info.ArgumentSize, MostInfo), (int)Ioctls.SizeOf<VfioType1Info>(), MostInfo)];
        BinaryPrimitives.WriteUInt32LittleEndian(all, (uint)all.Length);
        Check(Ioctls.Call(_container, Ioctls.Type1GetInfo, all), "the container does not say what it can map");
        info = MemoryMarshal.Read<VfioType1Info>(all);
        ulong pageSizes = (info.Flags & HasPageSizes) != 0 ? info.PageSizes : (ulong)Environment.SystemPageSize;
        return new HostWindows(pageSizes, (info.Flags & HasCapabilities) != 0 ? ReadRanges(all, info.CapabilityOffset) : [(0, (1ul << 39) - 1)]);
    }

    public override SafeFileHandle OpenDevice(VfioDevice device)
    {
        byte[] name = [.. Encoding.ASCII.GetBytes(device.Name), 0];
        int file = Ioctls.Call(_groups.Open(device.Group), Ioctls.GroupGetDevice, name);
        Check(file, $"{device.Name} cannot be opened");
        return new SafeFileHandle(file, ownsHandle: true);
    }

    public override void Dispose() => _container.Dispose();

    /// <summary>Reads the capability of IOVA ranges: a header of 8 bytes, a count, and pairs of addresses.</summary>
    internal static IReadOnlyList<(ulong First, ulong Last)> ReadRanges(ReadOnlySpan<byte> all, uint offset)
    {
        const int header = 16;
        var ranges = new List<(ulong First, ulong Last)>();
        int steps = 0;
        for (uint at = offset; at != 0 && at <= all.Length - header && steps < all.Length; steps++)
        {
            var capability = all[(int)at..];
            if (BinaryPrimitives.ReadUInt16LittleEndian(capability) == IovaRangeCapability)
            {
                uint count = Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(capability[8..]), (uint)(capability.Length - header) / 16);
                for (int i = 0; i < count; i++)
                {
                    var range = capability[(header + (i * 16))..];
                    ranges.Add((BinaryPrimitives.ReadUInt64LittleEndian(range), BinaryPrimitives.ReadUInt64LittleEndian(range[8..])));
                }
            }

            at = BinaryPrimitives.ReadUInt32LittleEndian(capability[4..]);
        }

        return ranges;
    }
}
