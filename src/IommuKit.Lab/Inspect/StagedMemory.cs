using IommuKit.Specs.Memory;

namespace IommuKit.Lab.Inspect;

/// <summary>Memory as it is seen through a second stage: where that maps nothing readable, there is none.</summary>
/// <param name="memory">Memory.</param>
/// <param name="second">The second stage.</param>
internal sealed class StagedMemory(IMemoryAccessor memory, InspectedTable second) : IMemoryAccessor
{
    /// <inheritdoc/>
    public bool TryRead(ulong physicalAddress, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            if (second.Find(physicalAddress) is not { IsReadable: true } range)
            {
                return false;
            }

            ulong offset = physicalAddress - range.Iova;
            int bytes = (int)Math.Min((ulong)destination.Length, range.Bytes - offset);
            if (!memory.TryRead(range.First + offset, destination[..bytes]))
            {
                return false;
            }

            physicalAddress += (ulong)bytes;
            destination = destination[bytes..];
        }

        return true;
    }

    /// <inheritdoc/>
    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => false;

    /// <summary>Where a range of addresses between the stages is in memory, piece by piece.</summary>
    public IEnumerable<(ulong First, ulong Last)> Pieces(ulong address, ulong bytes) =>
        second.Pieces(address, address + (bytes - 1)).Select(piece => (piece.First, piece.Last));
}
