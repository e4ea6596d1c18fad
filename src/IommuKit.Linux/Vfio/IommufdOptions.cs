using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>What iommufd lets one choose (IOMMU_OPTION, since Linux 6.2).</summary>
internal static class IommufdOptions
{
    /// <summary>How locked memory is counted: 0 by user, 1 by process. Of the whole file; changed only while nothing was made of it.</summary>
    public const uint LockLimit = 0;

    /// <summary>Whether neighbouring pages become one larger page of the IOMMU: 0 or 1. Of one address space.</summary>
    public const uint LargePages = 1;

    private const ushort Set = 0;
    private const ushort Get = 1;

    /// <summary>Chooses.</summary>
    /// <returns>0, or the kernel's errno, negative.</returns>
    public static int Write(SafeFileHandle iommufd, uint option, uint id, ulong value)
    {
        var call = new IommufdOption { Size = Ioctls.SizeOf<IommufdOption>(), Option = option, Operation = Set, ObjectId = id, Value = value };
        return Ioctls.Call(iommufd, Ioctls.IommufdOption, ref call);
    }

    /// <summary>What is chosen.</summary>
    /// <returns>0, or the kernel's errno, negative.</returns>
    public static int Read(SafeFileHandle iommufd, uint option, uint id, out ulong value)
    {
        var call = new IommufdOption { Size = Ioctls.SizeOf<IommufdOption>(), Option = option, Operation = Get, ObjectId = id };
        int result = Ioctls.Call(iommufd, Ioctls.IommufdOption, ref call);
        value = call.Value;
        return result;
    }
}
