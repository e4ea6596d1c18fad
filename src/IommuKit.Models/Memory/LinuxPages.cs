using System.Runtime.InteropServices;

namespace IommuKit.Models.Memory;

/// <summary>Pages of Linux that cost nothing until they are touched.</summary>
internal static partial class LinuxPages
{
    /// <summary>What <see cref="Map"/> returns when there is no room.</summary>
    public const nint Failed = -1;

    private const int ProtReadWrite = 1 | 2;
    private const int Private = 2;
    private const int Anonymous = 0x20;
    private const int NoReserve = 0x4000;
    private const int DontNeed = 4;

    /// <summary>Maps zeroed pages at new addresses.</summary>
    public static nint Map(nuint length) => MapMemory(0, length, ProtReadWrite, Private | Anonymous | NoReserve, -1, 0);

    /// <summary>Gives the memory behind pages back. They stay mapped, and read as zeros.</summary>
    public static void Discard(nint address, nuint length) => _ = Advise(address, length, DontNeed);

    /// <summary>Gives addresses back.</summary>
    public static void Unmap(nint address, nuint length) => _ = UnmapMemory(address, length);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MapMemory(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Advise(nint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int UnmapMemory(nint address, nuint length);
}
