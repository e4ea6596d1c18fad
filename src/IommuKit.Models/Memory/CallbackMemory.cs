using IommuKit.Specs.Memory;

namespace IommuKit.Models.Memory;

/// <summary>Memory that belongs to an emulator: every access is a call to it.</summary>
/// <param name="memory">The emulator's memory.</param>
public readonly struct CallbackMemory(IMemoryAccessor memory) : IMemoryAccessor
{
    /// <inheritdoc/>
    public bool TryRead(ulong physicalAddress, Span<byte> destination) => memory.TryRead(physicalAddress, destination);

    /// <inheritdoc/>
    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => memory.TryWrite(physicalAddress, source);

    /// <inheritdoc/>
    public bool TryGetSpan(ulong physicalAddress, int length, bool isWrite, out Span<byte> span) =>
        memory.TryGetSpan(physicalAddress, length, isWrite, out span);

    /// <inheritdoc/>
    public void NoteWritten(ulong physicalAddress, int length) => memory.NoteWritten(physicalAddress, length);

    /// <inheritdoc/>
    public bool TryCompareExchange(ulong physicalAddress, ulong expected, ulong value, out ulong seen) =>
        memory.TryCompareExchange(physicalAddress, expected, value, out seen);
}
