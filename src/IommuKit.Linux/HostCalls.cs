using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux;

/// <summary>Calls of the system that the runtime has no name for: reading without waiting.</summary>
internal static class HostCalls
{
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x8_0000;
    private const int ReadAndWrite = 2;
    private const int DuplicateCloseOnExec = 1030;
    private const short Readable = 1;
    private const int TryAgain = 11;
    private const int Interrupted = 4;
    private const int NotPermitted = 1;
    private const int AccessDenied = 13;
    private const int AddSeals = 1033;
    private const int GetSeals = 1034;
    private const uint MemoryCloseOnExec = 1;
    private const uint MemoryCanBeSealed = 2;
    private const uint MemoryHugePages = 4;

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

    /// <summary>Opens a file for reading and writing; an invalid handle, and the system's number, if it cannot be opened.</summary>
    public static SafeFileHandle OpenToUse(string path, out int errno)
    {
        var file = new SafeFileHandle(Open(path, ReadAndWrite | CloseOnExec), ownsHandle: true);
        errno = file.IsInvalid ? Marshal.GetLastPInvokeError() : 0;
        return file;
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

    /// <summary>Reads at a place, of files too in which there is no seeking.</summary>
    /// <returns>Bytes read; the system's number, negative, if that failed.</returns>
    public static nint ReadAt(SafeFileHandle file, Span<byte> bytes, ulong offset)
    {
        nint count = ReadAt(file, ref MemoryMarshal.GetReference(bytes), (nuint)bytes.Length, (long)offset);
        return count >= 0 ? count : -Marshal.GetLastPInvokeError();
    }

    /// <summary>Writes at a place, of files too in which there is no seeking.</summary>
    /// <returns>Bytes written; the system's number, negative, if that failed.</returns>
    public static nint WriteAt(SafeFileHandle file, ReadOnlySpan<byte> bytes, ulong offset)
    {
        nint count = WriteAt(file, in MemoryMarshal.GetReference(bytes), (nuint)bytes.Length, (long)offset);
        return count >= 0 ? count : -Marshal.GetLastPInvokeError();
    }

    /// <summary>Another handle for an open file; an invalid one, and the system's number, if there can be none.</summary>
    public static SafeFileHandle Duplicate(SafeFileHandle file, out int errno)
    {
        var own = new SafeFileHandle(Control(file, DuplicateCloseOnExec, 0), ownsHandle: true);
        errno = own.IsInvalid ? Marshal.GetLastPInvokeError() : 0;
        return own;
    }

    /// <summary>Makes a file that counts events; an invalid handle, and the system's number, if there can be none.</summary>
    public static SafeFileHandle MakeEvent(out int errno)
    {
        var file = new SafeFileHandle(EventFile(0, NonBlocking | CloseOnExec), ownsHandle: true);
        errno = file.IsInvalid ? Marshal.GetLastPInvokeError() : 0;
        return file;
    }

    /// <summary>Adds an event.</summary>
    public static void Raise(SafeFileHandle file) => _ = Write(file, BitConverter.GetBytes(1ul));

    /// <summary>Writes in one call.</summary>
    /// <returns>Bytes written; the system's number, negative, if that failed.</returns>
    public static nint Write(SafeFileHandle file, ReadOnlySpan<byte> bytes)
    {
        nint count = Write(file, in MemoryMarshal.GetReference(bytes), (nuint)bytes.Length);
        return count >= 0 ? count : -Marshal.GetLastPInvokeError();
    }

    /// <summary>Makes a file of no folder whose contents are memory (memfd), empty and not sealed.</summary>
    /// <param name="name">What it is called in /proc, for people.</param>
    /// <param name="isHuge">Whether of the machine's huge pages.</param>
    /// <param name="errno">The system's number if it cannot be made; the handle is invalid then.</param>
    public static SafeFileHandle MakeMemoryFile(string name, bool isHuge, out int errno)
    {
        var file = new SafeFileHandle(
            MemoryFile(name, MemoryCloseOnExec | MemoryCanBeSealed | (isHuge ? MemoryHugePages : 0)), ownsHandle: true);
        errno = file.IsInvalid ? Marshal.GetLastPInvokeError() : 0;
        return file;
    }

    /// <summary>Makes a file that long.</summary>
    public static bool TrySetLength(SafeFileHandle file, ulong length) => SetLength(file, (long)length) == 0;

    /// <summary>What can be done to a file no more: bits; the system's number, negative, of a file that has no such thing.</summary>
    public static int SealsOf(SafeFileHandle file)
    {
        int seals = Control(file, GetSeals, 0);
        return seals >= 0 ? seals : -Marshal.GetLastPInvokeError();
    }

    /// <summary>Has something be done to a file no more, by anybody.</summary>
    public static bool TrySeal(SafeFileHandle file, int seals) => Control(file, AddSeals, seals) == 0;

    /// <summary>How many events there were since the last time.</summary>
    public static long TakeEvent(SafeFileHandle file)
    {
        Span<byte> count = stackalloc byte[sizeof(ulong)];
        return Read(file, count) == sizeof(ulong) ? BitConverter.ToInt64(count) : 0;
    }

    /// <summary>Waits until one of several files can be read.</summary>
    /// <returns>Which can.</returns>
    public static bool[] WaitForAny(SafeFileHandle[] files)
    {
        var polled = new PolledFile[files.Length];
        for (int i = 0; i < files.Length; i++)
        {
            polled[i] = new PolledFile { File = (int)files[i].DangerousGetHandle(), Wanted = Readable };
        }

        while (Poll(ref polled[0], (nuint)polled.Length, -1) < 0 && Marshal.GetLastPInvokeError() == Interrupted)
        {
            // A signal came: again.
        }

        return [.. polled.Select(one => one.Found != 0)];
    }

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

    [DllImport("libc", EntryPoint = "ftruncate")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetLength(SafeFileHandle file, long length);

    [DllImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Control(SafeFileHandle file, int command, int argument);

    [DllImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int EventFile(uint count, int flags);

    [DllImport("libc", EntryPoint = "write", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Write(SafeFileHandle file, in byte buffer, nuint count);

    [DllImport("libc", EntryPoint = "memfd_create", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MemoryFile([MarshalAs(UnmanagedType.LPUTF8Str)] string name, uint flags);

    [DllImport("libc", EntryPoint = "pread", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint ReadAt(SafeFileHandle file, ref byte buffer, nuint count, long offset);

    [DllImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint WriteAt(SafeFileHandle file, in byte buffer, nuint count, long offset);

    [DllImport("libc", EntryPoint = "poll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Poll(ref PolledFile files, nuint count, int milliseconds);

    [StructLayout(LayoutKind.Sequential)]
    private struct PolledFile
    {
        public int File;
        public short Wanted;
        public short Found;
    }
}
