using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>An address space of iommufd (IOAS), with devices that have nodes of their own.</summary>
internal sealed class IoasSpace : HostSpace
{
    private const uint FixedIova = 1;
    private const uint Writeable = 2;
    private const uint Readable = 4;
    private const int TooSmall = 90;
    private const int MostRanges = 4096;

    private readonly SafeFileHandle _iommufd;
    private readonly VfioNodes _nodes;
    private readonly uint _id;

    public IoasSpace(SafeFileHandle iommufd, VfioNodes nodes)
    {
        _iommufd = iommufd;
        _nodes = nodes;
        var allocation = new IommufdIoasAlloc { Size = Ioctls.SizeOf<IommufdIoasAlloc>() };
        Check(Ioctls.Call(iommufd, Ioctls.IoasAlloc, ref allocation), "iommufd makes no address space");
        _id = allocation.IoasId;
    }

    public override bool CanMap => true;

    public override void Attach(VfioDevice device)
    {
        var attach = new VfioAttachIommufd { ArgumentSize = Ioctls.SizeOf<VfioAttachIommufd>(), TableId = _id };
        Check(
            Ioctls.Call(_nodes.Open(device), Ioctls.DeviceAttachIommufd, ref attach),
            $"{device.Name} cannot be put into an address space; if something is mapped outside its windows, that is why");
    }

    public override void Detach(VfioDevice device)
    {
        var detach = new VfioDetachIommufd { ArgumentSize = Ioctls.SizeOf<VfioDetachIommufd>() };
        Check(Ioctls.Call(_nodes.Open(device), Ioctls.DeviceDetachIommufd, ref detach), $"{device.Name} cannot be taken out of its address space");
    }

    public override int Map(ulong iova, ulong address, ulong size, bool reads, bool writes)
    {
        var map = new IommufdMap
        {
            Size = Ioctls.SizeOf<IommufdMap>(),
            Flags = FixedIova | (reads ? Readable : 0) | (writes ? Writeable : 0),
            IoasId = _id,
            Address = address,
            Length = size,
            Iova = iova,
        };
        return Math.Max(0, -Ioctls.Call(_iommufd, Ioctls.IoasMap, ref map));
    }

    public override int Unmap(ulong iova, ulong size)
    {
        var unmap = new IommufdUnmap { Size = Ioctls.SizeOf<IommufdUnmap>(), IoasId = _id, Iova = iova, Length = size };
        return Math.Max(0, -Ioctls.Call(_iommufd, Ioctls.IoasUnmap, ref unmap));
    }

    public override HostWindows ReadWindows()
    {
        // On the pinned heap, as the kernel is told the address.
        var ranges = GC.AllocateArray<IommufdIovaRange>(MostRanges, pinned: true);
        var query = new IommufdIovaRanges
        {
            Size = Ioctls.SizeOf<IommufdIovaRanges>(),
            IoasId = _id,
            Count = MostRanges,
            Ranges = (ulong)Marshal.UnsafeAddrOfPinnedArrayElement(ranges, 0),
        };
        int result = Ioctls.Call(_iommufd, Ioctls.IoasIovaRanges, ref query);
        if (result != -TooSmall)
        {
            Check(result, "the address space does not say what it can map");
        }

        ulong granule = Math.Max(query.Alignment, 1);
        return new HostWindows(
            ~(granule - 1) & (ulong.MaxValue >> 1),
            [.. ranges.Take((int)Math.Min(query.Count, MostRanges)).Select(range => (range.First, range.Last))]);
    }

    public override SafeFileHandle OpenDevice(VfioDevice device) => _nodes.Lend(device);

    public override void Dispose()
    {
        var destroy = new IommufdDestroy { Size = Ioctls.SizeOf<IommufdDestroy>(), Id = _id };
        Ioctls.Call(_iommufd, Ioctls.IommufdDestroy, ref destroy);
    }
}
