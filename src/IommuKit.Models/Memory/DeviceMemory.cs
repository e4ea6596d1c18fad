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
    public bool TryGetSpan(ulong physicalAddress, int length, bool isWrite, out Span<byte> span) =>
        memory.TryGetDeviceSpan(physicalAddress, length, isWrite, out span);

    /// <inheritdoc/>
    public void NoteWritten(ulong physicalAddress, int length)
    {
        // Where writes have consequences for the CPU's cache, there is no span for them.
    }

    /// <inheritdoc/>
    public bool TryCompareExchange(ulong physicalAddress, ulong expected, ulong value, out ulong seen) =>
        memory.TryCompareExchange(physicalAddress, expected, value, out seen);
}
