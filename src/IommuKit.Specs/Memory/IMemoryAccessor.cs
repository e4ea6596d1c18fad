using System.Buffers.Binary;

namespace IommuKit.Specs.Memory;

/// <summary>
/// How a model reaches system memory. Implement it on a struct: models are generic over it, so the accessor inlines.
/// </summary>
/// <remarks>A method returns false where nothing answers at the address (a decode error); it never throws for that.</remarks>
public interface IMemoryAccessor
{
    /// <summary>Reads bytes at a physical address.</summary>
    bool TryRead(ulong physicalAddress, Span<byte> destination);

    /// <summary>Writes bytes at a physical address.</summary>
    bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source);

    /// <summary>
    /// Gives direct access to memory, where there is any: without it the bytes are copied. A struct should implement it even if it has nothing to give, as
    /// calls of the default allocate.
    /// </summary>
    /// <param name="physicalAddress">The physical address of the first byte.</param>
    /// <param name="length">How many bytes are wanted, at least 1.</param>
    /// <param name="isWrite">Whether they are to be written; <see cref="NoteWritten"/> follows then.</param>
    /// <param name="span">As many of the bytes, at least 1, as lie together.</param>
    /// <returns>Whether there is direct access.</returns>
    bool TryGetSpan(ulong physicalAddress, int length, bool isWrite, out Span<byte> span)
    {
        span = default;
        return false;
    }

    /// <summary>Takes note that bytes were written through a span of <see cref="TryGetSpan"/>.</summary>
    void NoteWritten(ulong physicalAddress, int length)
    {
    }

    /// <summary>
    /// Stores eight bytes, little-endian, if they are what is expected: how hardware sets accessed and dirty bits in an entry that software may change at the
    /// same time. The default reads and then writes, so that a store in between is lost.
    /// </summary>
    /// <param name="physicalAddress">Where; a multiple of 8.</param>
    /// <param name="expected">What must be there.</param>
    /// <param name="value">What to store.</param>
    /// <param name="seen">What was there.</param>
    /// <returns>False where nothing answers, or nothing can be stored.</returns>
    bool TryCompareExchange(ulong physicalAddress, ulong expected, ulong value, out ulong seen)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        seen = 0;
        if (!TryRead(physicalAddress, bytes))
        {
            return false;
        }

        seen = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return seen != expected || TryWrite(physicalAddress, bytes);
    }
}
