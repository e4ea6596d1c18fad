using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IommuKit.Models.Memory;

/// <summary>
/// The memory of a guest as its emulator has it: pieces of <see cref="Memory{T}"/> at any physical addresses, with holes between them. No unsafe code is
/// needed, and none is in it: what a model or a device does lands in one of the pieces or nowhere.
/// </summary>
/// <remarks>
/// Thread-safe as far as the bytes are. Pieces can be added and removed while models run; an access that is under way may still reach a piece that is being removed.
/// </remarks>
/// <example>
/// <code>
/// var guest = new GuestMemory();
/// guest.Add(0, new byte[640 &lt;&lt; 10]);
/// guest.Add(0x10_0000, ram);
/// var walker = new SoftwareWalker&lt;X86Format, GuestMemoryView&gt;(guest.View, root, 48, 40);
/// </code>
/// </example>
public sealed class GuestMemory
{
    private readonly Lock _gate = new();

    // By address; replaced as a whole, so that readers need no lock.
    private Piece[] _pieces = [];

    /// <summary>
    /// Called after a model or a device has written, with the physical address and the number of bytes: for a log of dirty pages, or to drop translated code.
    /// </summary>
    public Action<ulong, int>? Written { get; set; }

    /// <summary>The memory as models and devices reach it.</summary>
    public GuestMemoryView View => new(this);

    /// <summary>Puts memory at a physical address.</summary>
    /// <param name="start">The address of its first byte.</param>
    /// <param name="memory">The memory; not empty.</param>
    /// <param name="isReadOnly">Whether nobody writes to it through this: a write is then as if nothing were there.</param>
    /// <exception cref="ArgumentException">It is empty, goes past the end of the address space, or overlaps with another piece.</exception>
    public void Add(ulong start, Memory<byte> memory, bool isReadOnly = false)
    {
        if (memory.IsEmpty || start > ulong.MaxValue - (ulong)(memory.Length - 1))
        {
            throw new ArgumentException($"{memory.Length} bytes cannot be at 0x{start:x}.", nameof(memory));
        }

        var piece = new Piece(start, start + (ulong)(memory.Length - 1), memory, isReadOnly);
        lock (_gate)
        {
            int at = IndexAfter(_pieces, start);
            if ((at > 0 && _pieces[at - 1].Last >= start) || (at < _pieces.Length && _pieces[at].Start <= piece.Last))
            {
                throw new ArgumentException($"Some of the {memory.Length} bytes at 0x{start:x} are there already.", nameof(memory));
            }

            Volatile.Write(ref _pieces, [.. _pieces[..at], piece, .. _pieces[at..]]);
        }
    }

    /// <summary>Takes the memory away that was put at an address.</summary>
    /// <returns>Whether a piece starts there.</returns>
    public bool Remove(ulong start)
    {
        lock (_gate)
        {
            int at = IndexAfter(_pieces, start) - 1;
            if (at < 0 || _pieces[at].Start != start)
            {
                return false;
            }

            Volatile.Write(ref _pieces, [.. _pieces[..at], .. _pieces[(at + 1)..]]);
            return true;
        }
    }

    internal bool TryRead(ulong physicalAddress, Span<byte> destination)
    {
        var pieces = Volatile.Read(ref _pieces);
        if (Wraps(physicalAddress, destination.Length))
        {
            return false;
        }

        while (!destination.IsEmpty)
        {
            if (!TryFind(pieces, physicalAddress, destination.Length, isWrite: false, out var source))
            {
                return false;
            }

            source.CopyTo(destination);
            destination = destination[source.Length..];
            physicalAddress += (ulong)source.Length;
        }

        return true;
    }

    internal bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source)
    {
        var pieces = Volatile.Read(ref _pieces);
        if (!CanWrite(pieces, physicalAddress, source.Length))
        {
            return false;
        }

        ulong address = physicalAddress;
        var rest = source;
        while (!rest.IsEmpty && TryFind(pieces, address, rest.Length, isWrite: true, out var destination))
        {
            rest[..destination.Length].CopyTo(destination);
            rest = rest[destination.Length..];
            address += (ulong)destination.Length;
        }

        Written?.Invoke(physicalAddress, source.Length);
        return true;
    }

    internal bool TryGetSpan(ulong physicalAddress, int length, bool isWrite, out Span<byte> span) =>
        TryFind(Volatile.Read(ref _pieces), physicalAddress, length, isWrite, out span);

    internal bool TryCompareExchange(ulong physicalAddress, ulong expected, ulong value, out ulong seen)
    {
        seen = 0;
        if (!TryGetSpan(physicalAddress, sizeof(ulong), isWrite: true, out var span) || span.Length < sizeof(ulong))
        {
            return false;
        }

        // In one step where the host's bytes are aligned too, as a guest's pages are.
        if (Unsafe.ByteOffset(ref Unsafe.NullRef<byte>(), ref MemoryMarshal.GetReference(span)) % sizeof(ulong) == 0)
        {
            seen = Interlocked.CompareExchange(ref MemoryMarshal.AsRef<ulong>(span), value, expected);
        }
        else
        {
            seen = MemoryMarshal.Read<ulong>(span);
            if (seen == expected)
            {
                MemoryMarshal.Write(span, in value);
            }
        }

        if (seen == expected)
        {
            Written?.Invoke(physicalAddress, sizeof(ulong));
        }

        return true;
    }

    private static bool Wraps(ulong physicalAddress, int length) => length > 0 && physicalAddress > ulong.MaxValue - (ulong)(length - 1);

    /// <summary>Whether all of a range can be written, so that a write that ends in a hole changes nothing before it.</summary>
    private static bool CanWrite(Piece[] pieces, ulong physicalAddress, int length)
    {
        if (Wraps(physicalAddress, length))
        {
            return false;
        }

        while (length > 0)
        {
            if (!TryFind(pieces, physicalAddress, length, isWrite: true, out var span))
            {
                return false;
            }

            length -= span.Length;
            physicalAddress += (ulong)span.Length;
        }

        return true;
    }

    private static bool TryFind(Piece[] pieces, ulong physicalAddress, int length, bool isWrite, out Span<byte> span)
    {
        int at = IndexAfter(pieces, physicalAddress) - 1;
        if (at < 0 || pieces[at].Last < physicalAddress || (isWrite && pieces[at].IsReadOnly))
        {
            span = default;
            return false;
        }

        int offset = (int)(physicalAddress - pieces[at].Start);
        span = pieces[at].Memory.Span[offset..];
        span = span[..Math.Min(span.Length, length)];
        return true;
    }

    /// <summary>The index of the first piece that starts after an address.</summary>
    private static int IndexAfter(Piece[] pieces, ulong address)
    {
        int low = 0;
        int high = pieces.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (pieces[middle].Start <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private sealed record Piece(ulong Start, ulong Last, Memory<byte> Memory, bool IsReadOnly);
}
