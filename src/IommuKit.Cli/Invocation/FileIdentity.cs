using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;

namespace IommuKit.Cli.Invocation;

/// <summary>What stands behind a path once all links are followed.</summary>
/// <param name="IsRegular">Whether it is a plain file, rather than a device, pipe or socket.</param>
/// <param name="Id">Equal for two paths of the same file.</param>
internal readonly record struct FileIdentity(bool IsRegular, string Id)
{
    private const int CurrentFolder = -100;
    private const uint Everything = 0x7ff;
    private const int StatusBytes = 256;
    private const int ModeAt = 28;
    private const int NodeAt = 32;
    private const int DeviceAt = 136;
    private const int TypeMask = 0xf000;
    private const int RegularFile = 0x8000;

    /// <summary>Finds out; null if there is nothing, or something that cannot be looked at.</summary>
    public static FileIdentity? Of(string path)
    {
        string fullPath = Path.GetFullPath(path);
        if (!OperatingSystem.IsLinux())
        {
            // There the runtime cannot tell, and devices have names that are no paths of files.
            return File.Exists(fullPath)
                ? new FileIdentity(true, File.ResolveLinkTarget(fullPath, returnFinalTarget: true)?.FullName ?? fullPath)
                : null;
        }

        // The runtime does not tell files from devices; struct statx is the same on every architecture.
        byte[] status = new byte[StatusBytes];
        if (GetStatus(CurrentFolder, fullPath, 0, Everything, status) != 0)
        {
            return null;
        }

        int mode = BinaryPrimitives.ReadUInt16LittleEndian(status.AsSpan(ModeAt));
        ulong node = BinaryPrimitives.ReadUInt64LittleEndian(status.AsSpan(NodeAt));
        ulong device = BinaryPrimitives.ReadUInt64LittleEndian(status.AsSpan(DeviceAt));
        return new FileIdentity((mode & TypeMask) == RegularFile, string.Create(CultureInfo.InvariantCulture, $"{device}:{node}"));
    }

    [DllImport("libc", EntryPoint = "statx", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetStatus(int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, [Out] byte[] status);
}
