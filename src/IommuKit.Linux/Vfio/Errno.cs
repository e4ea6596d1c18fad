namespace IommuKit.Linux.Vfio;

/// <summary>Numbers that the kernel gives for what went wrong.</summary>
internal static class Errno
{
    public const int NotPermitted = 1;
    public const int NoEntry = 2;
    public const int Interrupted = 4;
    public const int NoSuchDevice = 6;
    public const int BadFile = 9;
    public const int Again = 11;
    public const int NoMemory = 12;
    public const int AccessDenied = 13;
    public const int Fault = 14;
    public const int Busy = 16;
    public const int Exists = 17;
    public const int NoDevice = 19;
    public const int Invalid = 22;
    public const int TooManyFiles = 23;
    public const int TooManyFilesOfProcess = 24;
    public const int NotThere = 25;
    public const int NoSpace = 28;
    public const int NotImplemented = 38;
    public const int NotSupported = 95;
    public const int TimedOut = 110;

    /// <summary>What the domain's caller is told.</summary>
    /// <param name="errno">The kernel's number, positive; 0 for none.</param>
    public static IommuError ToIommu(int errno) => errno switch
    {
        0 => IommuError.None,
        NoEntry => IommuError.ENOENT,
        NoMemory => IommuError.ENOMEM,
        Fault => IommuError.EFAULT,
        Busy => IommuError.EBUSY,
        Exists => IommuError.EEXIST,
        NoDevice => IommuError.ENODEV,
        Invalid => IommuError.EINVAL,
        NoSpace => IommuError.ENOSPC,
        _ => IommuError.EIO,
    };
}
