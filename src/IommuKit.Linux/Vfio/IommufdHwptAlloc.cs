using System.Runtime.InteropServices;

namespace IommuKit.Linux.Vfio;

// As in the kernel's linux/iommufd.h; a test holds the size against it.
[StructLayout(LayoutKind.Sequential)]
internal struct IommufdHwptAlloc
{
    public uint Size;
    public uint Flags;
    public uint DeviceId;
    public uint ParentId;
    public uint TableId;
    public uint Reserved;
    public uint DataType;
    public uint DataLength;
    public ulong Data;
    public uint FaultId;
    public uint Reserved2;
}
