using System.Runtime.InteropServices;

namespace IommuKit.Linux.Vfio;

// As in the kernel's linux/vfio.h; a test holds the size against it.
[StructLayout(LayoutKind.Sequential)]
internal struct VfioDirtyPages
{
    public uint ArgumentSize;
    public uint Flags;
    public ulong Iova;
    public ulong Size;
    public ulong PageSize;
    public ulong BitmapBytes;
    public ulong Bitmap;
}
