using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Bench;

/// <summary>
/// A ring of io_uring, used for one thing: it pins memory of this process as VFIO does, and maps nothing. So what pinning takes can be told from what
/// an IOMMU takes.
/// </summary>
internal sealed class IoUring : IDisposable
{
    // The same on all processors since Linux 5.1.
    private const nint Setup = 425;
    private const nint Register = 427;
    private const uint RegisterBuffers = 0;
    private const uint UnregisterBuffers = 1;
    private const int ParameterBytes = 120;

    private readonly SafeFileHandle _ring;

    private IoUring(SafeFileHandle ring) => _ring = ring;

    /// <summary>Makes one; null where the kernel has none, or does not let this process.</summary>
    public static IoUring? TryMake()
    {
        Span<byte> parameters = stackalloc byte[ParameterBytes];
        parameters.Clear();
        nint file = Call(Setup, 1, ref MemoryMarshal.GetReference(parameters));
        return file >= 0 ? new IoUring(new SafeFileHandle(file, ownsHandle: true)) : null;
    }

    /// <summary>Pins memory.</summary>
    /// <returns>False if the kernel refuses: more than this process may lock, or more than 1 GiB.</returns>
    public bool TryPin(ulong address, ulong length)
    {
        var buffer = new Buffer { Address = address, Length = length };
        return Call(Register, _ring, RegisterBuffers, ref buffer, 1) >= 0;
    }

    /// <summary>Releases what was pinned.</summary>
    public void Unpin()
    {
        _ = Call(Register, _ring, UnregisterBuffers, 0, 0);
    }

    public void Dispose() => _ring.Dispose();

    [DllImport("libc", EntryPoint = "syscall", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Call(nint number, uint entries, ref byte parameters);

    [DllImport("libc", EntryPoint = "syscall", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Call(nint number, SafeHandle ring, uint operation, ref Buffer buffers, uint count);

    [DllImport("libc", EntryPoint = "syscall", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Call(nint number, SafeHandle ring, uint operation, nint nothing, uint count);

    // The kernel's struct iovec, on 64 bits.
    [StructLayout(LayoutKind.Sequential)]
    private struct Buffer
    {
        public ulong Address;
        public ulong Length;
    }
}
