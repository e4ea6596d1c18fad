using IommuKit.Specs.Memory;

namespace IommuKit.Lab.Conform;

/// <summary>
/// Memory of a recorded machine: zeros, but for the pages that were recorded. What a unit stores there lands in a layer of its own, so that the next
/// snapshot begins with what was recorded.
/// </summary>
internal sealed class BootMemory : IMemoryAccessor
{
    private const int PageLog2 = 12;
    private const int PageBytes = 1 << PageLog2;

    private readonly Dictionary<ulong, byte[]> _pages = [];
    private readonly BootMemory? _below;

    /// <summary>Makes memory of zeros.</summary>
    public BootMemory()
    {
    }

    private BootMemory(BootMemory below) => _below = below;

    /// <summary>A layer over this memory, which takes what is stored.</summary>
    public BootMemory Layer() => new(this);

    /// <inheritdoc/>
    public bool TryRead(ulong physicalAddress, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int offset = (int)(physicalAddress & (PageBytes - 1));
            var piece = destination[..Math.Min(destination.Length, PageBytes - offset)];
            if (Find(physicalAddress >> PageLog2) is { } page)
            {
                page.AsSpan(offset, piece.Length).CopyTo(piece);
            }
            else
            {
                piece.Clear();
            }

            physicalAddress += (ulong)piece.Length;
            destination = destination[piece.Length..];
        }

        return true;
    }

    /// <inheritdoc/>
    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            int offset = (int)(physicalAddress & (PageBytes - 1));
            var piece = source[..Math.Min(source.Length, PageBytes - offset)];
            ulong number = physicalAddress >> PageLog2;
            if (!_pages.TryGetValue(number, out byte[]? page))
            {
                _pages[number] = page = (byte[]?)_below?.Find(number)?.Clone() ?? new byte[PageBytes];
            }

            piece.CopyTo(page.AsSpan(offset));
            physicalAddress += (ulong)piece.Length;
            source = source[piece.Length..];
        }

        return true;
    }

    private byte[]? Find(ulong number) => _pages.GetValueOrDefault(number) ?? _below?.Find(number);
}
