using System.Runtime.InteropServices;

namespace IommuKit.Linux.Vfio;

// As in the kernel's linux/iommufd.h; a test holds the size against it.
[StructLayout(LayoutKind.Sequential)]
internal struct IommufdMapFile
{
    public uint Size;
    public uint Flags;
    public uint IoasId;
    public int File;
    public ulong Start;
    public ulong Length;
    public ulong Iova;
}
