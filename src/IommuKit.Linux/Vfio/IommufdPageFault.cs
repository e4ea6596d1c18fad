using System.Runtime.InteropServices;

namespace IommuKit.Linux.Vfio;

// As in the kernel's linux/iommufd.h; a test holds the size against it.
[StructLayout(LayoutKind.Sequential)]
internal struct IommufdPageFault
{
    public uint Flags;
    public uint DeviceId;
    public uint Pasid;
    public uint Group;
    public uint Access;
    public uint Reserved;
    public ulong Iova;
    public uint Length;
    public uint Cookie;
}
