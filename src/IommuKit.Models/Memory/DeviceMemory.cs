using IommuKit.Specs.Memory;

namespace IommuKit.Models.Memory;

/// <summary>Memory as walkers and devices see it.</summary>
public readonly struct DeviceMemory(PhysicalMemory memory) : IAtomicMemoryAccessor
{
    /// <inheritdoc/>
    public bool TryRead(ulong physicalAddress, Span<byte> destination) => memory.TryRead(physicalAddress, destination);

    /// <inheritdoc/>
    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => memory.TryWrite(physicalAddress, source);

    /// <inheritdoc/>
    public bool TryCompareExchange(ulong physicalAddress, ulong expected, ulong value, out ulong seen) =>
        memory.TryCompareExchange(physicalAddress, expected, value, out seen);
}
