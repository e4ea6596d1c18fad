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
}
