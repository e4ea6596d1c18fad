using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace IommuKit.Specs.Memory;

/// <summary>A <see cref="HostMemory"/> in which every access is to a block of one size, so that its check is one comparison.</summary>
public readonly unsafe struct HostBlocks
{
    private readonly byte* _base;
    private readonly ulong _lastStart;
    private readonly uint _size;

    // Keeps whoever owns the memory from being collected while a copy of this view is in use.
    private readonly object? _owner;

    /// <summary>Makes a view of <paramref name="memory"/>.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="size">Bytes in a block, at most those in the memory.</param>
    /// <exception cref="ArgumentOutOfRangeException">The memory is smaller than a block.</exception>
    public HostBlocks(HostMemory memory, uint size)
    {
        _base = (byte*)Unsafe.AsPointer(ref memory.At(0, size));
        _lastStart = memory.Length - size;
        _size = size;
        _owner = memory.Owner;
    }

    /// <summary>Whether a block at <paramref name="physicalAddress"/> is inside the memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(ulong physicalAddress) => physicalAddress <= _lastStart;

    /// <summary>As <see cref="At"/>, for a caller that has just asked <see cref="Contains"/>: without a check of its own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ref byte AtContained(ulong physicalAddress)
    {
        Debug.Assert(Contains(physicalAddress), "The caller must have asked.");
        return ref _base[physicalAddress];
    }

    /// <summary>A reference to the first byte of the block at <paramref name="physicalAddress"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The block is not all inside the memory.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref byte At(ulong physicalAddress)
    {
        if (physicalAddress > _lastStart)
        {
            ThrowOutside(physicalAddress, _lastStart, _size);
        }

        return ref _base[physicalAddress];
    }

    // Static, and a throw and nothing else: then the compiler keeps the failure out of the way of the hot path.
    [DoesNotReturn]
    private static void ThrowOutside(ulong physicalAddress, ulong lastStart, uint size) => throw Outside(physicalAddress, lastStart, size);

    private static ArgumentOutOfRangeException Outside(ulong physicalAddress, ulong lastStart, uint size) =>
        new(
            nameof(physicalAddress),
            $"A block of 0x{size:x} bytes at physical address 0x{physicalAddress:x} is outside memory of 0x{lastStart + size:x} bytes.");
}
