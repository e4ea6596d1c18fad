using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Models.Memory;

/// <summary>A block of zeroed host memory.</summary>
/// <remarks>
/// <para>On Linux untouched pages cost nothing, not even a promise. Elsewhere the block comes from the C library: pages that are never touched use no
/// memory there either, but Windows commits the whole length, so that memory and paging file together must have room for it.</para>
/// <para>The addresses stay the block's own until nothing refers to it any more, whatever was disposed of before, because a thread that has passed
/// its check may still be about to use them. After that they are put into <see cref="HostQuarantine"/>, because spans refer to a block without the
/// collector knowing.</para>
/// </remarks>
internal sealed unsafe class HostPages : SafeHandleZeroOrMinusOneIsInvalid
{
    // The collector does not know that blocks use up separate ranges of addresses, of which Linux has 65,530 for a process.
    private const int CollectAt = 4096;

    private static int _count;

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
            address = LinuxPages.Map((nuint)length);
            if (address == LinuxPages.Failed)
            {
                CollectUnused();
                HostQuarantine.Clear();
                address = LinuxPages.Map((nuint)length);
            }

            if (address == LinuxPages.Failed)
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

        if (Interlocked.Increment(ref _count) % CollectAt == 0)
        {
            CollectUnused();
        }

        return new HostPages(address, (nuint)length);
    }

    /// <summary>
    /// Gives the memory behind the block back at once, where the host can do that and keep the addresses: on Linux, where they read as zeros
    /// from then on.
    /// </summary>
    public void Discard()
    {
        if (OperatingSystem.IsLinux())
        {
            LinuxPages.Discard(handle, _length);
            GC.KeepAlive(this);
        }
    }

    /// <summary>Takes the addresses back. Nobody disposes of the handle, so this is called when nothing refers to it any more.</summary>
    protected override bool ReleaseHandle()
    {
        Interlocked.Decrement(ref _count);
        if (OperatingSystem.IsLinux())
        {
            HostQuarantine.Add(handle, _length);
        }
        else
        {
            NativeMemory.Free((void*)handle);
        }

        return true;
    }

    private static void CollectUnused()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }
}
