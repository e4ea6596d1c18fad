using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Models.Memory;

/// <summary>A block of zeroed host memory.</summary>
/// <remarks>
/// On Linux untouched pages cost nothing, not even a promise. Elsewhere the block comes from the C library: pages that are never touched use no
/// memory there either, but Windows commits the whole length, so that memory and paging file together must have room for it.
/// </remarks>
internal sealed unsafe partial class HostPages : SafeHandleZeroOrMinusOneIsInvalid
{
    private const int ProtReadWrite = 1 | 2;
    private const int MapPrivate = 2;

    private readonly nuint _length;

    private HostPages(nint address, nuint length)
        : base(ownsHandle: true)
    {
        SetHandle(address);
        _length = length;
    }

    /// <summary>Its first byte.</summary>
    public void* Address => (void*)handle;

    /// <summary>Reserves a block.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No process can have as much.</exception>
    /// <exception cref="IOException">The host has no room for it.</exception>
    public static HostPages Reserve(ulong length)
    {
        if (length == 0 || length > (ulong)nint.MaxValue)
        {
            throw new ArgumentOutOfRangeException(nameof(length), $"Memory of 0x{length:x} bytes cannot be reserved.");
        }

        nint address;
        if (OperatingSystem.IsLinux())
        {
            const int anonymousNoReserve = 0x20 | 0x4000;
            address = MapMemory(0, (nuint)length, ProtReadWrite, MapPrivate | anonymousNoReserve, -1, 0);
            if (address == -1)
            {
                throw new IOException($"The host cannot reserve 0x{length:x} bytes: errno {Marshal.GetLastPInvokeError()}.");
            }
        }
        else
        {
            try
            {
                address = (nint)NativeMemory.AllocZeroed((nuint)length);
            }
            catch (OutOfMemoryException exception)
            {
                throw new IOException($"The host cannot commit 0x{length:x} bytes.", exception);
            }
        }

        return new HostPages(address, (nuint)length);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        if (OperatingSystem.IsLinux())
        {
            return UnmapMemory(handle, _length) == 0;
        }

        NativeMemory.Free((void*)handle);
        return true;
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MapMemory(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int UnmapMemory(nint address, nuint length);
}
