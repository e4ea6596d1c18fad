using IommuKit.Specs.Memory;

namespace IommuKit.Models.Memory;

/// <summary>Memory as walkers and devices see it.</summary>
public readonly struct DeviceMemory(PhysicalMemory memory) : IMemoryAccessor
{
    /// <inheritdoc/>
    public bool TryRead(ulong physicalAddress, Span<byte> destination) => memory.TryRead(physicalAddress, destination);

    /// <inheritdoc/>
    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => memory.TryWrite(physicalAddress, source);
}
