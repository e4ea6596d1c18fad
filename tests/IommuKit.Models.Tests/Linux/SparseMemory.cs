using IommuKit.Specs.Memory;

namespace IommuKit.Models.Tests.Linux;

/// <summary>Zeroed memory of any size, of which pages exist once they are written.</summary>
internal sealed class SparseMemory : IMemoryAccessor
{
    private const int PageLog2 = 12;

    private readonly Dictionary<ulong, byte[]> _pages = [];

    public bool TryRead(ulong physicalAddress, Span<byte> destination)
    {
        for (int at = 0; at < destination.Length; at++)
        {
            ulong address = physicalAddress + (ulong)at;
            destination[at] = _pages.TryGetValue(address >> PageLog2, out byte[]? page) ? page[address & ((1 << PageLog2) - 1)] : (byte)0;
        }

        return true;
    }

    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source)
    {
        for (int at = 0; at < source.Length; at++)
        {
            ulong address = physicalAddress + (ulong)at;
            if (!_pages.TryGetValue(address >> PageLog2, out byte[]? page))
            {
                _pages[address >> PageLog2] = page = new byte[1 << PageLog2];
            }

            page[address & ((1 << PageLog2) - 1)] = source[at];
        }

        return true;
    }
}
