using System.Runtime.InteropServices;

namespace IommuKit.Linux.Vfio;

// As in the kernel's linux/vfio.h; a test holds the size against it.
[StructLayout(LayoutKind.Sequential)]
internal struct VfioInterruptSet
{
    public uint ArgumentSize;
    public uint Flags;
    public uint Index;
    public uint Start;
    public uint Count;
}
