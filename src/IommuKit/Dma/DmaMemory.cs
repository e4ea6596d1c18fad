using IommuKit.Specs.Memory;

namespace IommuKit.Dma;

/// <summary>Memory that the CPU reaches through a view and devices through a domain.</summary>
/// <param name="View">The CPU's view.</param>
/// <param name="Offset">Where in the view it begins.</param>
/// <param name="PhysicalAddress">The address that a domain maps: on a host it is the process's.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct DmaMemory(HostMemory View, ulong Offset, ulong PhysicalAddress, ulong Length)
{
    /// <summary>Some of its bytes, as the CPU sees them.</summary>
    /// <param name="offset">The first.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">They are not all in it.</exception>
    /// <exception cref="ObjectDisposedException">The memory is gone.</exception>
    public Span<byte> Span(ulong offset, int length) => length >= 0 && offset <= Length && (ulong)length <= Length - offset
        ? View.Span(Offset + offset, length)
        : throw new ArgumentOutOfRangeException(nameof(offset), $"0x{length:x} bytes at 0x{offset:x} are outside a buffer of 0x{Length:x} bytes.");
}
