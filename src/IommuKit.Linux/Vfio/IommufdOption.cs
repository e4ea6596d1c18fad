using System.Runtime.InteropServices;

namespace IommuKit.Linux.Vfio;

// As in the kernel's linux/iommufd.h; a test holds the size against it.
[StructLayout(LayoutKind.Sequential)]
internal struct IommufdOption
{
    public uint Size;
    public uint Option;
    public ushort Operation;
    public ushort Reserved;
    public uint ObjectId;
    public ulong Value;
}
