using System.Runtime.InteropServices;

namespace IommuKit.Linux;

/// <summary>Addresses that the kernel maps for this process.</summary>
internal static unsafe class HostMappings
{
    private const int Read = 1;
    private const int ReadWrite = 3;
    private const int Shared = 1;
    private const int Private = 2;
    private const int Fixed = 0x10;
    private const int Anonymous = 0x20;
    private const int HugePages = 0x4_0000;
    private const int NotReserved = 0x4000;
    private const int Populated = 0x8000;
    private const int NotInChildren = 10;
    private const int NoHugePages = 15;

    /// <summary>Maps part of a file, to share it. Null, and the system's number, if that cannot be.</summary>
    public static void* OfFile(SafeHandle file, ulong offset, ulong length, out int errno)
    {
        bool isHeld = false;
        try
        {
            file.DangerousAddRef(ref isHeld);
            return Check(MMap(null, (nuint)length, ReadWrite, Shared, (int)file.DangerousGetHandle(), (long)offset), out errno);
        }
        finally
        {
            if (isHeld)
            {
                file.DangerousRelease();
            }
        }
    }

    /// <summary>
    /// Maps zeroed memory that children do not get: a copy of theirs would be what devices do not see. All of it is there at once: of pages that nobody
    /// wrote to, a kernel may pin the one page of zeros that all share, for a device that only reads.
    /// </summary>
    public static void* OfMemory(ulong length, bool isHuge, out int errno)
    {
        void* address = Check(MMap(null, (nuint)length, ReadWrite, Private | Anonymous | Populated | (isHuge ? HugePages : 0), -1, 0), out errno);
        if (address is not null)
        {
            _ = MAdvise(address, (nuint)length, NotInChildren);
        }

        return address;
    }

    /// <summary>Maps memory of small pages that children do not get, and of which none is there before it is written to. Null if that cannot be.</summary>
    public static void* OfUntouchedMemory(ulong length)
    {
        void* address = Check(MMap(null, (nuint)length, ReadWrite, Private | Anonymous, -1, 0), out _);
        if (address is not null)
        {
            _ = MAdvise(address, (nuint)length, NotInChildren);
            _ = MAdvise(address, (nuint)length, NoHugePages);
        }

        return address;
    }

    /// <summary>
    /// Takes addresses with zeros behind them, for which no memory is kept, as a region of a device may be larger than all memory. Null, and the
    /// system's number, if that cannot be.
    /// </summary>
    public static void* OfNothing(ulong length, out int errno)
    {
        void* address = Check(MMap(null, (nuint)length, Read, Private | Anonymous | NotReserved, -1, 0), out errno);
        if (address is not null)
        {
            LetWrite(address, length);
        }

        return address;
    }

    /// <summary>Puts such zeroes in the place of what is mapped, so that who is late does no harm.</summary>
    public static void Replace(void* address, ulong length)
    {
        if (MMap(address, (nuint)length, Read, Private | Anonymous | NotReserved | Fixed, -1, 0) != -1)
        {
            LetWrite(address, length);
        }
    }

    /// <summary>Ends a mapping.</summary>
    public static void End(void* address, ulong length) => _ = MUnmap(address, (nuint)length);

    /// <summary>
    /// Lets zeroes that can be read be written to. They were not mapped so at once, as a kernel that promises no more memory than it has
    /// (vm.overcommit_memory=2) heeds no wish to keep none, and refuses; some leave a hole then, that something else could take and <see cref="End"/>
    /// would end. There a file in memory takes their place, which counts only what is written; without one they stay to be read only.
    /// </summary>
    private static void LetWrite(void* address, ulong length)
    {
        if (MProtect(address, (nuint)length, ReadWrite) == 0)
        {
            return;
        }

        using var file = HostCalls.MakeMemoryFile("zeros", isHuge: false, out int errno);
        if (errno == 0 && HostCalls.TrySetLength(file, length))
        {
            // Nobody else has it, so that it stays open until the end of this method.
            _ = MMap(address, (nuint)length, ReadWrite, Shared | Fixed, (int)file.DangerousGetHandle(), 0);
        }
    }

    private static void* Check(nint address, out int errno)
    {
        errno = address == -1 ? Marshal.GetLastPInvokeError() : 0;
        return address == -1 ? null : (void*)address;
    }

    [DllImport("libc", EntryPoint = "mmap", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint MMap(void* address, nuint length, int rights, int flags, int file, long offset);

    [DllImport("libc", EntryPoint = "mprotect")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MProtect(void* address, nuint length, int rights);

    [DllImport("libc", EntryPoint = "munmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MUnmap(void* address, nuint length);

    [DllImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MAdvise(void* address, nuint length, int advice);
}
