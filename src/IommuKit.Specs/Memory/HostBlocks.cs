using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace IommuKit.Specs.Memory;

/// <summary>
/// A <see cref="HostMemory"/> in which every access is to a piece of one size, so that its check is one comparison. Made for one operation: whether
/// the memory was disposed of is asked when it is made, and not again.
/// </summary>
/// <remarks>
/// It lives on the stack, so that no other thread can see it half written. A use of it after the memory was disposed of touches what the owner left
/// at its addresses, and nothing else.
/// </remarks>
public readonly unsafe ref struct HostBlocks
{
    private readonly byte* _start;
    private readonly ulong _first;
    private readonly ulong _starts;

    // Keeps the owner of the memory from being collected while this view is in use.
    private readonly HostBlock _block;

    /// <summary>Makes a view of <paramref name="memory"/>.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="size">Bytes in a piece: at least 1, at most those in the memory.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is 0, or the memory is smaller.</exception>
    /// <exception cref="ObjectDisposedException">The memory was disposed of.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public HostBlocks(HostMemory memory, uint size)
    {
        var block = memory.Block;
        ulong length = block is null ? 0 : block.OpenLength;

        // A size of 0 is the largest of all here.
        if ((ulong)size - 1 >= length)
        {
            ThrowUnsuitable(block, size);
        }

        _block = block!;
        _start = block!.Start;
        _first = 0;
        _starts = length - size + 1;
    }

    /// <summary>Makes a view of pieces in part of <paramref name="memory"/>.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="first">Where the first piece may start.</param>
    /// <param name="starts">At how many addresses, from there on, pieces may start.</param>
    /// <param name="end">The address after the last byte of the last piece.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal HostBlocks(HostMemory memory, ulong first, ulong starts, ulong end)
    {
        var block = memory.Block;
        if (end > (block is null ? 0 : block.OpenLength))
        {
            ThrowOutside(block, first);
        }

        _block = block!;
        _start = block!.Start;
        _first = first;
        _starts = starts;
    }

    /// <summary>Whether a piece at <paramref name="physicalAddress"/> is inside the memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(ulong physicalAddress) => physicalAddress - _first < _starts;

    /// <summary>As <see cref="At"/>, for a caller that has just asked <see cref="Contains"/>: without a check of its own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ref byte AtContained(ulong physicalAddress)
    {
        Debug.Assert(Contains(physicalAddress), "The caller must have asked.");
        return ref _start[physicalAddress];
    }

    /// <summary>A reference to the first byte of the piece at <paramref name="physicalAddress"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The piece is not all inside the memory.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref byte At(ulong physicalAddress)
    {
        if (!Contains(physicalAddress))
        {
            ThrowOutside(_block, physicalAddress);
        }

        return ref _start[physicalAddress];
    }

    // Static, and a throw and nothing else: then the compiler keeps the failure out of the way of the hot path.
    [DoesNotReturn]
    private static void ThrowOutside(HostBlock? block, ulong physicalAddress) => throw HostBlock.Refusal(block, physicalAddress, 1);

    [DoesNotReturn]
    private static void ThrowUnsuitable(HostBlock? block, uint size) => throw (size == 0
        ? new ArgumentOutOfRangeException(nameof(size), "Pieces of memory have at least 1 byte.")
        : HostBlock.Refusal(block, 0, size));
}
