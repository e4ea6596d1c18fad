using System.Runtime.InteropServices;

namespace IommuKit.Linux.Vfio;

// As in the kernel's linux/iommufd.h; a test holds the size against it.
[StructLayout(LayoutKind.Sequential)]
internal struct IommufdCopy
{
    public uint Size;
    public uint Flags;
    public uint TargetId;
    public uint SourceId;
    public ulong Length;
    public ulong TargetIova;
    public ulong SourceIova;
}
