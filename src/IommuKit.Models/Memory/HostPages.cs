using System.Runtime.ConstrainedExecution;
using System.Runtime.InteropServices;

namespace IommuKit.Models.Memory;

/// <summary>A block of zeroed host memory. Its addresses stay mapped until nothing refers to it any more, and on Linux for a while after that.</summary>
/// <remarks>
/// On Linux untouched pages cost nothing, not even a promise. Elsewhere the block comes from the C library: pages that are never touched use no
/// memory there either, but Windows commits the whole length, so that memory and paging file together must have room for it.
/// </remarks>
internal sealed unsafe partial class HostPages : CriticalFinalizerObject
{
    private const int ProtReadWrite = 1 | 2;
    private const int PrivateAnonymousNoReserve = 2 | 0x20 | 0x4000;
    private const int Fixed = 0x10;

    private readonly nint _address;
    private readonly nuint _length;

    private HostPages(nint address, nuint length)
    {
        _address = address;
        _length = length;
    }

    ~HostPages()
    {
        if (OperatingSystem.IsLinux())
        {
            Discard();
            Quarantine.Add(_address, _length);
        }
        else
        {
            NativeMemory.Free((void*)_address);
        }
    }

    /// <summary>Its first byte.</summary>
    public void* Address => (void*)_address;

    /// <summary>Reserves a block.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No process can have as much.</exception>
    /// <exception cref="IOException">The host has no room for it.</exception>
    public static HostPages Reserve(ulong length)
    {
        if (length == 0 || length > (ulong)nint.MaxValue)
        {
            throw new ArgumentOutOfRangeException(nameof(length), $"Memory of 0x{length:x} bytes cannot be reserved.");
        }

        return new HostPages(OperatingSystem.IsLinux() ? Map((nuint)length) : Allocate((nuint)length), (nuint)length);
    }

    /// <summary>
    /// Gives the memory back, and leaves fresh zeros at its addresses for a thread that comes too late. Where the system has no way to do so it is
    /// given back when nothing refers to the block any more.
    /// </summary>
    public void Discard()
    {
        if (OperatingSystem.IsLinux())
        {
            // One step for whoever looks at the addresses. If it fails, what was there stays until the addresses go.
            _ = MapMemory(_address, _length, ProtReadWrite, PrivateAnonymousNoReserve | Fixed, -1, 0);
        }
    }

    /// <summary>Gives addresses back to the system.</summary>
    internal static void Unmap(nint address, nuint length) => _ = UnmapMemory(address, length);

    private static nint Map(nuint length)
    {
        nint address = MapMemory(0, length, ProtReadWrite, PrivateAnonymousNoReserve, -1, 0);
        if (address == -1)
        {
            // What nobody uses any more may be in the way.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Quarantine.Clear();
            address = MapMemory(0, length, ProtReadWrite, PrivateAnonymousNoReserve, -1, 0);
        }

        return address != -1
            ? address
            : throw new IOException($"The host cannot reserve 0x{length:x} bytes: errno {Marshal.GetLastPInvokeError()}.");
    }

    private static nint Allocate(nuint length)
    {
        try
        {
            return (nint)NativeMemory.AllocZeroed(length);
        }
        catch (OutOfMemoryException exception)
        {
            throw new IOException($"The host cannot commit 0x{length:x} bytes.", exception);
        }
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MapMemory(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int UnmapMemory(nint address, nuint length);
}
