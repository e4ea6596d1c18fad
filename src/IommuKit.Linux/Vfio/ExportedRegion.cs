using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>
/// Registers or memory of a device as a file (dma-buf), so that other devices reach it: <see cref="HostDomain.MapRegion"/> maps it, and other programs
/// can be handed it. It is closed when its device is.
/// </summary>
public sealed class ExportedRegion : IDisposable
{
    private const uint Get = 1 << 16;
    private const uint DmaBuf = 11;
    private const uint CloseOnExec = 0x8_0000;

    private readonly SafeFileHandle _file;
    private readonly HostMapping _place;
    private readonly Action<IDisposable> _closed;

    /// <summary>Takes over a file.</summary>
    internal unsafe ExportedRegion(SafeFileHandle file, ulong length, Action<IDisposable> closed)
    {
        void* place = HostMappings.OfNothing(length, out int errno);
        if (place is null)
        {
            throw Remedies.Failed($"0x{length:x} addresses that stand for a region of a device cannot be had", errno);
        }

        _file = file;
        _place = new HostMapping(place, length);
        _closed = closed;
        Length = length;
    }

    /// <summary>The file, to hand to another program. It is closed with this.</summary>
    public SafeFileHandle Handle => _file;

    /// <summary>Bytes.</summary>
    public ulong Length { get; }

    /// <summary>Addresses of this process that stand for it where a domain says what is mapped; there are zeros.</summary>
    internal ulong Address => _place.Address;

    /// <inheritdoc/>
    public void Dispose()
    {
        _file.Dispose();
        _place.Dispose();
        _closed(this);
    }

    /// <summary>Has the kernel make the file.</summary>
    /// <param name="device">The device's file.</param>
    /// <param name="name">What it is, for people: "region 0 of 0000:00:04.0".</param>
    /// <param name="index">The region.</param>
    /// <param name="offset">Where in it.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="closed">Told once it is closed.</param>
    /// <exception cref="HostException">The kernel makes none: with what to do.</exception>
    internal static ExportedRegion Make(SafeFileHandle device, string name, int index, ulong offset, ulong length, Action<IDisposable> closed)
    {
        var feature = new VfioFeatureDmaBuf
        {
            ArgumentSize = Ioctls.SizeOf<VfioFeatureDmaBuf>(),
            Flags = Get | DmaBuf,
            Region = (uint)index,
            OpenFlags = CloseOnExec,
            Ranges = 1,
            Offset = offset,
            Length = length,
        };
        int result = Ioctls.Call(device, Ioctls.DeviceFeature, ref feature);
        if (result < 0)
        {
            throw Remedies.NoExport(name, -result);
        }

        var file = new SafeFileHandle(result, ownsHandle: true);
        try
        {
            return new ExportedRegion(file, length, closed);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
