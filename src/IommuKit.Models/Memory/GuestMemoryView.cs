using IommuKit.Specs.Memory;

namespace IommuKit.Models.Memory;

/// <summary>The memory of a guest as models and devices reach it; the default value is no memory at all.</summary>
/// <param name="memory">The guest's memory.</param>
public readonly struct GuestMemoryView(GuestMemory memory) : IMemoryAccessor
{
    private readonly GuestMemory? _memory = memory;

    /// <inheritdoc/>
    public bool TryRead(ulong physicalAddress, Span<byte> destination) => _memory is not null && _memory.TryRead(physicalAddress, destination);

    /// <inheritdoc/>
    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => _memory is not null && _memory.TryWrite(physicalAddress, source);

    /// <inheritdoc/>
    public bool TryGetSpan(ulong physicalAddress, int length, bool isWrite, out Span<byte> span)
    {
        span = default;
        return _memory is not null && _memory.TryGetSpan(physicalAddress, length, isWrite, out span);
    }

    /// <inheritdoc/>
    public void NoteWritten(ulong physicalAddress, int length) => _memory?.Written?.Invoke(physicalAddress, length);

    /// <inheritdoc/>
    public bool TryCompareExchange(ulong physicalAddress, ulong expected, ulong value, out ulong seen)
    {
        seen = 0;
        return _memory is not null && _memory.TryCompareExchange(physicalAddress, expected, value, out seen);
    }
}
