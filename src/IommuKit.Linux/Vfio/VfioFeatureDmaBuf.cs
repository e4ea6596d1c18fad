using System.Runtime.InteropServices;

namespace IommuKit.Linux.Vfio;

// As in the kernel's linux/vfio.h: a vfio_device_feature of 8 bytes, a vfio_device_feature_dma_buf of 16, and one vfio_region_dma_range of 16. A test
// holds the size against it.
[StructLayout(LayoutKind.Sequential)]
internal struct VfioFeatureDmaBuf
{
    public uint ArgumentSize;
    public uint Flags;
    public uint Region;
    public uint OpenFlags;
    public uint BufferFlags;
    public uint Ranges;
    public ulong Offset;
    public ulong Length;
}
