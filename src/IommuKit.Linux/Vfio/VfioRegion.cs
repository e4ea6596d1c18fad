using System.Runtime.CompilerServices;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>Registers of a device, mapped into this process. While the device is in reset or asleep an access ends the process.</summary>
public sealed class VfioRegion : IMmio, IDisposable
{
    private readonly HostMapping _mapping;
    private readonly HostMemory _view;
    private readonly Action<IDisposable> _closed;

    internal unsafe VfioRegion(SafeFileHandle file, ulong offset, ulong length, string name, Action<IDisposable> closed)
    {
        void* address = HostMappings.OfFile(file, offset, length, out int errno);
        if (address is null)
        {
            throw errno == Errno.Invalid
                ? Remedies.NotMappable(name, "as the kernel keeps a part of it, such as a table of interrupts")
                : Remedies.Failed($"{name} cannot be mapped", errno);
        }

        _mapping = new HostMapping(address, length);
        _view = _mapping.View;
        _closed = closed;
    }

    /// <summary>Bytes.</summary>
    public ulong Length => _view.Length;

    /// <inheritdoc/>
    public uint Read32(uint offset) => Volatile.Read(ref Unsafe.As<byte, uint>(ref At(offset, sizeof(uint))));

    /// <inheritdoc/>
    public void Write32(uint offset, uint value)
    {
        // What was stored to memory before is there when the device is told.
        Interlocked.MemoryBarrier();
        Volatile.Write(ref Unsafe.As<byte, uint>(ref At(offset, sizeof(uint))), value);
    }

    /// <inheritdoc/>
    public ulong Read64(uint offset) => Volatile.Read(ref Unsafe.As<byte, ulong>(ref At(offset, sizeof(ulong))));

    /// <inheritdoc/>
    public void Write64(uint offset, ulong value)
    {
        Interlocked.MemoryBarrier();
        Volatile.Write(ref Unsafe.As<byte, ulong>(ref At(offset, sizeof(ulong))), value);
    }

    /// <summary>Unmaps the registers. To use them then is an <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        _mapping.Dispose();
        _closed(this);
    }

    private ref byte At(uint offset, uint size)
    {
        if ((offset & (size - 1)) != 0)
        {
            throw new ArgumentException($"There is no register of {size} bytes at 0x{offset:x}: it is not aligned.", nameof(offset));
        }

        return ref _view.At(offset, size);
    }
}
