using IommuKit.Models.Memory;
using IommuKit.Specs.Memory;

namespace IommuKit.Lab.Machines;

/// <summary>
/// Memory as hardware sees it that snoops the CPU's caches in one range, where its queues are, whatever it does elsewhere.
/// </summary>
/// <param name="memory">The memory.</param>
/// <param name="start">The first physical address of the range.</param>
/// <param name="length">Bytes of the range.</param>
public readonly struct SnoopedMemory(PhysicalMemory memory, ulong start, ulong length) : IMemoryAccessor
{
    private readonly DeviceMemory _device = memory.DeviceView;
    private readonly HostMemory _cpu = memory.CpuView;

    /// <inheritdoc/>
    public bool TryRead(ulong physicalAddress, Span<byte> destination)
    {
        if (!IsSnooped(physicalAddress, destination.Length))
        {
            return _device.TryRead(physicalAddress, destination);
        }

        _cpu.Span(physicalAddress, destination.Length).CopyTo(destination);
        return true;
    }

    /// <inheritdoc/>
    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source)
    {
        if (!IsSnooped(physicalAddress, source.Length))
        {
            return _device.TryWrite(physicalAddress, source);
        }

        source.CopyTo(_cpu.Span(physicalAddress, source.Length));
        return true;
    }

    /// <inheritdoc/>
    public bool TryGetSpan(ulong physicalAddress, int length, bool isWrite, out Span<byte> span)
    {
        if (!IsSnooped(physicalAddress, length))
        {
            return _device.TryGetSpan(physicalAddress, length, isWrite, out span);
        }

        span = _cpu.Span(physicalAddress, length);
        return true;
    }

    /// <inheritdoc/>
    public void NoteWritten(ulong physicalAddress, int length)
    {
        // Where writes have consequences for the CPU's cache, there is no span for them.
    }

    /// <inheritdoc/>
    public bool TryCompareExchange(ulong physicalAddress, ulong expected, ulong value, out ulong seen) =>
        _device.TryCompareExchange(physicalAddress, expected, value, out seen);

    private bool IsSnooped(ulong physicalAddress, int count) =>
        physicalAddress - start < length && (ulong)count <= length - (physicalAddress - start);
}
