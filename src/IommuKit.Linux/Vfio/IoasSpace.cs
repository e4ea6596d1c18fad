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
    private const uint DirtyTracking = 2;
    private const uint HasFaultQueue = 4;
    private const int MostRanges = 4096;

    private readonly SafeFileHandle _iommufd;
    private readonly VfioNodes _nodes;
    private readonly uint _id;
    private readonly bool _tracksDirtyPages;
    private readonly HostFaults? _faults;

    // Of a space that notes dirty pages or has devices wait for pages: the page table that does; 0 before the first device came.
    private uint _table;

    public IoasSpace(SafeFileHandle iommufd, VfioNodes nodes, bool tracksDirtyPages, HostFaults? faults)
    {
        _tracksDirtyPages = tracksDirtyPages;
        _faults = faults;
        _iommufd = iommufd;
        _nodes = nodes;
        var allocation = new IommufdIoasAlloc { Size = Ioctls.SizeOf<IommufdIoasAlloc>() };
        Check(Ioctls.Call(iommufd, Ioctls.IoasAlloc, ref allocation), "iommufd makes no address space");
        _id = allocation.IoasId;
        try
        {
            faults?.Enter();
        }
        catch
        {
            Destroy(_id);
            throw;
        }
    }

    public override bool CanMap => true;

    private bool HasOwnTable => _tracksDirtyPages || _faults is not null;

    public override void Attach(VfioDevice device)
    {
        if (HasOwnTable && _table == 0)
        {
            _table = MakeTable(device);
        }

        var attach = new VfioAttachIommufd { ArgumentSize = Ioctls.SizeOf<VfioAttachIommufd>(), TableId = HasOwnTable ? _table : _id };
        int result = Ioctls.Call(_nodes.Open(device), Ioctls.DeviceAttachIommufd, ref attach);
        Check(
            _faults is not null && result is -Errno.NoDevice or -Errno.NotSupported ? throw Remedies.CannotWaitForPages(device.Name) : result,
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

    public override int MapFile(ulong iova, SafeFileHandle file, ulong offset, ulong size, bool reads, bool writes)
    {
        bool isHeld = false;
        try
        {
            file.DangerousAddRef(ref isHeld);
            var map = new IommufdMapFile
            {
                Size = Ioctls.SizeOf<IommufdMapFile>(),
                Flags = FixedIova | (reads ? Readable : 0) | (writes ? Writeable : 0),
                IoasId = _id,
                File = (int)file.DangerousGetHandle(),
                Start = offset,
                Length = size,
                Iova = iova,
            };
            int result = Ioctls.Call(_iommufd, Ioctls.IoasMapFile, ref map);
            return result == -Errno.NotThere ? throw Remedies.NoMapFile() : Math.Max(0, -result);
        }
        finally
        {
            if (isHeld)
            {
                file.DangerousRelease();
            }
        }
    }

    public override int Copy(ulong iova, HostSpace source, ulong sourceIova, ulong size, bool reads, bool writes)
    {
        var copy = new IommufdCopy
        {
            Size = Ioctls.SizeOf<IommufdCopy>(),
            Flags = FixedIova | (reads ? Readable : 0) | (writes ? Writeable : 0),
            TargetId = _id,
            SourceId = ((IoasSpace)source)._id,
            Length = size,
            TargetIova = iova,
            SourceIova = sourceIova,
        };
        return Math.Max(0, -Ioctls.Call(_iommufd, Ioctls.IoasCopy, ref copy));
    }

    public override bool UsesLargePages()
    {
        Check(IommufdOptions.Read(_iommufd, IommufdOptions.LargePages, _id, out ulong value), "the address space does not say whether it uses large pages");
        return value != 0;
    }

    public override void UseLargePages(bool isOn) => Check(
        IommufdOptions.Write(_iommufd, IommufdOptions.LargePages, _id, isOn ? 1ul : 0),
        "the address space cannot change whether it uses large pages");

    public override int Unmap(ulong iova, ulong size)
    {
        var unmap = new IommufdUnmap { Size = Ioctls.SizeOf<IommufdUnmap>(), IoasId = _id, Iova = iova, Length = size };
        return Math.Max(0, -Ioctls.Call(_iommufd, Ioctls.IoasUnmap, ref unmap));
    }

    public override void TrackDirtyPages(bool isOn)
    {
        var track = new IommufdSetDirtyTracking { Size = Ioctls.SizeOf<IommufdSetDirtyTracking>(), Flags = isOn ? 1u : 0, TableId = TrackingTable() };
        Check(Ioctls.Call(_iommufd, Ioctls.HwptSetDirtyTracking, ref track), "the page table does not note which pages devices write to");
    }

    public override void ReadDirtyPages(ulong iova, ulong size, ulong pageSize, ulong[] bitmap)
    {
        var get = new IommufdGetDirtyBitmap
        {
            Size = Ioctls.SizeOf<IommufdGetDirtyBitmap>(),
            TableId = TrackingTable(),
            Iova = iova,
            Length = size,
            PageSize = pageSize,
            Data = (ulong)Marshal.UnsafeAddrOfPinnedArrayElement(bitmap, 0),
        };
        Check(Ioctls.Call(_iommufd, Ioctls.HwptGetDirtyBitmap, ref get), "the page table does not say which pages devices wrote to");
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
        if (_table != 0)
        {
            Destroy(_table);
        }

        Destroy(_id);
        _faults?.Leave();
    }

    private void Destroy(uint id)
    {
        var destroy = new IommufdDestroy { Size = Ioctls.SizeOf<IommufdDestroy>(), Id = id };
        Ioctls.Call(_iommufd, Ioctls.IommufdDestroy, ref destroy);
    }

    private uint TrackingTable() => _tracksDirtyPages && _table != 0
        ? _table
        : throw Remedies.NoSuchDomainForDirtyPages();

    private uint MakeTable(VfioDevice device)
    {
        _nodes.Open(device);
        var allocation = new IommufdHwptAlloc
        {
            Size = Ioctls.SizeOf<IommufdHwptAlloc>(),
            Flags = (_tracksDirtyPages ? DirtyTracking : 0) | (_faults is not null ? HasFaultQueue : 0),
            DeviceId = _nodes.IdOf(device),
            ParentId = _id,
            FaultId = _faults?.Id ?? 0,
        };
        int result = Ioctls.Call(_iommufd, Ioctls.HwptAlloc, ref allocation);
        if (result == -Errno.NotSupported)
        {
            throw _faults is not null ? Remedies.CannotWaitForPages(device.Name) : Remedies.NoDirtyTracking(device.Name);
        }

        Check(result, _faults is null
            ? "iommufd makes no page table that notes which pages devices write to"
            : "iommufd makes no page table whose faults go to a queue");
        return allocation.TableId;
    }
}
