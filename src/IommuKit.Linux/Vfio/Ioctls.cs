using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IommuKit.Linux.Vfio;

/// <summary>The calls of VFIO and iommufd: their numbers, and how they are made. A result below 0 is the kernel's errno, negative.</summary>
/// <remarks>ioctl has arguments of any kind in C. To say that it has this one is right on Linux for x86-64, Arm64 and RISC-V.</remarks>
internal static class Ioctls
{
    public const uint GetApiVersion = 0x3b64;
    public const uint CheckExtension = 0x3b65;
    public const uint SetIommu = 0x3b66;
    public const uint GroupGetStatus = 0x3b67;
    public const uint GroupSetContainer = 0x3b68;
    public const uint GroupUnsetContainer = 0x3b69;
    public const uint GroupGetDevice = 0x3b6a;
    public const uint DeviceGetInfo = 0x3b6b;
    public const uint DeviceGetRegionInfo = 0x3b6c;
    public const uint DeviceGetInterruptInfo = 0x3b6d;
    public const uint DeviceSetInterrupts = 0x3b6e;
    public const uint DeviceReset = 0x3b6f;
    public const uint Type1GetInfo = 0x3b70;
    public const uint Type1Map = 0x3b71;
    public const uint Type1Unmap = 0x3b72;
    public const uint Type1DirtyPages = 0x3b75;
    public const uint DeviceFeature = 0x3b75;
    public const uint DeviceBindIommufd = 0x3b76;
    public const uint DeviceAttachIommufd = 0x3b77;
    public const uint DeviceDetachIommufd = 0x3b78;

    public const uint IommufdDestroy = 0x3b80;
    public const uint IoasAlloc = 0x3b81;
    public const uint IoasCopy = 0x3b83;
    public const uint IoasIovaRanges = 0x3b84;
    public const uint IoasMap = 0x3b85;
    public const uint IoasUnmap = 0x3b86;
    public const uint IommufdOption = 0x3b87;
    public const uint HwptAlloc = 0x3b89;
    public const uint HwptSetDirtyTracking = 0x3b8b;
    public const uint HwptGetDirtyBitmap = 0x3b8c;
    public const uint FaultQueueAlloc = 0x3b8e;
    public const uint IoasMapFile = 0x3b8f;

    private const int Interrupted = 4;

    /// <summary>Makes a call with a number.</summary>
    public static int Call(SafeHandle file, uint request, nint argument = 0)
    {
        int result;
        do
        {
            result = Outcome(Ioctl(file, request, argument));
        }
        while (result == -Interrupted);

        return result;
    }

    /// <summary>Makes a call with a structure, which the kernel may write to.</summary>
    public static int Call<T>(SafeHandle file, uint request, ref T argument)
        where T : unmanaged => Call(file, request, MemoryMarshal.AsBytes(new Span<T>(ref argument)));

    /// <summary>Makes a call with bytes, which the kernel may write to.</summary>
    public static int Call(SafeHandle file, uint request, Span<byte> argument)
    {
        int result;
        do
        {
            result = Outcome(Ioctl(file, request, ref MemoryMarshal.GetReference(argument)));
        }
        while (result == -Interrupted);

        return result;
    }

    /// <summary>Bytes of a structure.</summary>
    public static uint SizeOf<T>()
        where T : unmanaged => (uint)Unsafe.SizeOf<T>();

    private static int Outcome(int result) => result >= 0 ? result : -Marshal.GetLastPInvokeError();

    [DllImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Ioctl(SafeHandle file, nuint request, nint argument);

    [DllImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Ioctl(SafeHandle file, nuint request, ref byte argument);
}
