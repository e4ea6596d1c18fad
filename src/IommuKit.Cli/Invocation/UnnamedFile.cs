using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Cli.Invocation;

/// <summary>
/// Files that Linux makes without a name (O_TMPFILE): until one gets a name it goes with the process, however that ends. Some file systems have none.
/// </summary>
internal static class UnnamedFile
{
    private const int WriteOnly = 1;
    private const int CloseOnExec = 0x80000;
    private const int Temporary = 0x40_0000;
    private const int FollowLink = 0x400;
    private const int CurrentFolder = -100;

    // What FileMode.CreateNew asks for; the user's mask takes away from it.
    private const uint Mode = 0b110_110_110;

    // The one flag here that has not the same value everywhere.
    private static readonly int Folder =
        RuntimeInformation.ProcessArchitecture is Architecture.Arm or Architecture.Armv6 or Architecture.Arm64 or Architecture.Ppc64le
            ? 0x4000
            : 0x1_0000;

    /// <summary>Makes a file; null where that cannot be done.</summary>
    /// <param name="folder">The folder in whose file system it is.</param>
    public static SafeFileHandle? TryCreate(string folder)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        var file = new SafeFileHandle(Open(folder, WriteOnly | CloseOnExec | Temporary | Folder, Mode), ownsHandle: true);
        if (!file.IsInvalid)
        {
            return file;
        }

        file.Dispose();
        return null;
    }

    /// <summary>Gives a file a name in its folder. False if that is taken, or cannot be done.</summary>
    public static bool TryName(SafeFileHandle file, string path)
    {
        string open = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{file.DangerousGetHandle()}");
        return Link(CurrentFolder, open, CurrentFolder, path, FollowLink) == 0;
    }

    [DllImport("libc", EntryPoint = "open", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mode);

    [DllImport("libc", EntryPoint = "linkat", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Link(
        int fromFolder,
        [MarshalAs(UnmanagedType.LPUTF8Str)] string from,
        int toFolder,
        [MarshalAs(UnmanagedType.LPUTF8Str)] string to,
        int flags);
}
