using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace IommuKit.Specs.Memory;

/// <summary>
/// A view of system memory in which a physical address is an offset from the start of a block of host memory,
/// so that following a table pointer costs an addition and a bounds check.
/// </summary>
/// <remarks>
/// <para>This is the one place through which page-table code reaches raw memory. Every access names the bytes it is about to
/// touch and is checked against the view, so a corrupt table entry ends in an exception, never outside the block.
/// The host must be little-endian, as every IOMMU format here is.</para>
/// <para>A view is one reference, which threads cannot tear. It keeps the owner of the memory alive, and outlives its disposal: accesses then throw
/// <see cref="ObjectDisposedException"/>.</para>
/// <para>A reference or <see cref="Span{T}"/> from a view is checked when it is made, and does not keep the memory alive. Use it while the
/// owner of the memory is in use; see the owner for what happens later.</para>
/// </remarks>
public readonly unsafe struct HostMemory
{
    private readonly HostBlock? _block;

    /// <summary>Makes a view of a block.</summary>
    public HostMemory(HostBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        _block = block;
    }

    /// <summary>Makes a view of <paramref name="length"/> bytes at <paramref name="address"/>, which nobody can close.</summary>
    /// <param name="address">Host address of physical address zero.</param>
    /// <param name="length">Bytes that the view covers, at least 1.</param>
    /// <param name="owner">The object that keeps the bytes mapped; the view holds a reference to it.</param>
    /// <exception cref="ArgumentNullException">The address is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The length is 0, or the bytes wrap around the end of the host's addresses.</exception>
    public HostMemory(void* address, ulong length, object? owner)
        : this(new HostBlock(address, length, owner))
    {
    }

    /// <summary>Bytes in the view; valid physical addresses are 0 to <c>Length - 1</c>.</summary>
    public ulong Length => _block?.Length ?? 0;

    /// <summary>The object that keeps the bytes mapped.</summary>
    public object? Owner => _block?.Owner;

    /// <summary>Whether the memory was disposed of.</summary>
    public bool IsClosed => _block is { IsClosed: true };

    internal HostBlock? Block => _block;

    /// <summary>Whether <paramref name="length"/> bytes at <paramref name="physicalAddress"/> are inside the view, and it is not closed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(ulong physicalAddress, ulong length)
    {
        ulong openLength = _block is null ? 0 : _block.OpenLength;
        return physicalAddress < openLength && length <= openLength - physicalAddress;
    }

    /// <summary>A reference to the first of <paramref name="length"/> bytes at <paramref name="physicalAddress"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The bytes are not all inside the view.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed of.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref byte At(ulong physicalAddress, ulong length)
    {
        var view = this;
        if (!view.Contains(physicalAddress, length))
        {
            ThrowRefusal(view._block, physicalAddress, length);
        }

        return ref view._block!.Start[physicalAddress];
    }

    /// <summary>The <paramref name="length"/> bytes at <paramref name="physicalAddress"/>.</summary>
    /// <inheritdoc cref="At" path="/exception"/>
    public Span<byte> Span(ulong physicalAddress, int length) =>
        new(Unsafe.AsPointer(ref At(physicalAddress, (ulong)length)), length);

    /// <summary>The <paramref name="length"/> bytes at <paramref name="physicalAddress"/>, if they are inside the view, and it is not closed.</summary>
    /// <param name="physicalAddress">The first byte.</param>
    /// <param name="length">How many, 0 or more.</param>
    /// <param name="span">The bytes; empty if they are not all there.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGetSpan(ulong physicalAddress, int length, out Span<byte> span)
    {
        var view = this;
        if (!view.Contains(physicalAddress, (ulong)length))
        {
            span = default;
            return false;
        }

        span = new Span<byte>(view._block!.Start + physicalAddress, length);
        return true;
    }

    // Static, and a throw and nothing else: then the compiler keeps the failure out of the way of the hot path.
    [DoesNotReturn]
    private static void ThrowRefusal(HostBlock? block, ulong physicalAddress, ulong length) =>
        throw HostBlock.Refusal(block, physicalAddress, length);
}
