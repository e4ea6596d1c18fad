using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux;

/// <summary>Calls of the system that the runtime has no name for: reading without waiting.</summary>
internal static class HostCalls
{
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x8_0000;
    private const int TryAgain = 11;
    private const int Interrupted = 4;
    private const int NotPermitted = 1;
    private const int AccessDenied = 13;

    /// <summary>No bytes now, but perhaps later.</summary>
    public const int NothingYet = -1;

    /// <summary>Opens a file for reading that never waits, neither here nor in reading.</summary>
    /// <exception cref="IOException">It cannot be opened; <see cref="Exception.HResult"/> is the system's number.</exception>
    /// <exception cref="UnauthorizedAccessException">This process may not.</exception>
    public static SafeFileHandle OpenToRead(string path)
    {
        var file = new SafeFileHandle(Open(path, NonBlocking | CloseOnExec), ownsHandle: true);
        if (!file.IsInvalid)
        {
            return file;
        }

        int error = Marshal.GetLastPInvokeError();
        file.Dispose();
        throw Failure(error);
    }

    /// <summary>Reads what is there; <see cref="NothingYet"/> if there is nothing now, 0 at the end.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static int Read(SafeFileHandle file, Span<byte> buffer)
    {
        while (true)
        {
            nint count = Read(file, ref MemoryMarshal.GetReference(buffer), (nuint)buffer.Length);
            if (count >= 0)
            {
                return (int)count;
            }

            int error = Marshal.GetLastPInvokeError();
            if (error == TryAgain)
            {
                return NothingYet;
            }

            if (error != Interrupted)
            {
                throw Failure(error);
            }
        }
    }

    /// <summary>Asks a process to end, as a terminal or <c>kill</c> would.</summary>
    public static void Ask(int process, int signal) => _ = Kill(process, signal);

    private static Exception Failure(int error)
    {
        string message = Marshal.GetPInvokeErrorMessage(error);
        return error is NotPermitted or AccessDenied ? new UnauthorizedAccessException(message) : new IOException(message, error);
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "read", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Read(SafeFileHandle file, ref byte buffer, nuint count);

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);
}
