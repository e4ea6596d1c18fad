using System.Runtime.InteropServices;

namespace IommuKit.Linux.Vfio;

// As in the kernel's linux/vfio.h; a test holds the size against it.
[StructLayout(LayoutKind.Sequential)]
internal struct VfioBindIommufd
{
    public uint ArgumentSize;
    public uint Flags;
    public int Iommufd;
    public uint DeviceId;
}
