using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace IommuKit.Specs.Memory;

/// <summary>
/// A view of system memory in which a physical address is an offset from the start of a block of host memory,
/// so that following a table pointer costs an addition and a bounds check.
/// </summary>
/// <remarks>
/// This is the one place through which page-table code reaches raw memory. Every access names the bytes it is about to
/// touch and is checked against the view, so a corrupt table entry ends in an exception, never outside the block.
/// The host must be little-endian, as every IOMMU format here is.
/// </remarks>
public readonly unsafe struct HostMemory
{
    private readonly byte* _base;
    private readonly ulong _length;

    // Keeps whoever owns the block from being collected while a copy of this view is in use.
    private readonly object? _owner;

    /// <summary>Makes a view of <paramref name="length"/> bytes at <paramref name="address"/>.</summary>
    /// <param name="address">Host address of physical address zero.</param>
    /// <param name="length">Bytes that the view covers.</param>
    /// <param name="owner">The object that keeps the block mapped; the view holds a reference to it.</param>
    public HostMemory(void* address, ulong length, object? owner)
    {
        _base = (byte*)address;
        _length = length;
        _owner = owner;
    }

    /// <summary>Bytes in the view; valid physical addresses are 0 to <c>Length - 1</c>.</summary>
    public ulong Length => _length;

    /// <summary>The object that owns the block.</summary>
    public object? Owner => _owner;

    /// <summary>Whether <paramref name="length"/> bytes at <paramref name="physicalAddress"/> are inside the view.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(ulong physicalAddress, ulong length) =>
        physicalAddress < _length && length <= _length - physicalAddress;

    /// <summary>A reference to the first of <paramref name="length"/> bytes at <paramref name="physicalAddress"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The bytes are not all inside the view.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref byte At(ulong physicalAddress, ulong length)
    {
        if (!Contains(physicalAddress, length))
        {
            ThrowOutside(physicalAddress, length, _length);
        }

        return ref _base[physicalAddress];
    }

    /// <summary>The <paramref name="length"/> bytes at <paramref name="physicalAddress"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The bytes are not all inside the view.</exception>
    public Span<byte> Span(ulong physicalAddress, int length) =>
        new(Unsafe.AsPointer(ref At(physicalAddress, (ulong)length)), length);

    // Static, and a throw and nothing else: then the compiler keeps the failure out of the way of the hot path.
    [DoesNotReturn]
    private static void ThrowOutside(ulong physicalAddress, ulong length, ulong memoryLength) =>
        throw Outside(physicalAddress, length, memoryLength);

    private static ArgumentOutOfRangeException Outside(ulong physicalAddress, ulong length, ulong memoryLength) =>
        new(
            nameof(physicalAddress),
            $"0x{length:x} bytes at physical address 0x{physicalAddress:x} are outside memory of 0x{memoryLength:x} bytes.");
}
