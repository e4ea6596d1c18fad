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
}
