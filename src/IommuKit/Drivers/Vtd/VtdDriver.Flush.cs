using System.Numerics;
using IommuKit.Specs.Vtd;

namespace IommuKit.Drivers.Vtd;

/// <content>Invalidation of translations. The caller has begun a piece of the queue.</content>
public sealed partial class VtdDriver
{
    private const int DefaultBlocks = 4;

    private readonly int _blocksPerRange;
    private readonly ulong _domainThreshold;
    private readonly int _largestBlock;
    private readonly bool _usesHint;

    /// <summary>Drops what is cached of a range of a domain, by naturally aligned blocks, or of all of it.</summary>
    /// <param name="domainId">The domain.</param>
    /// <param name="iova">The first IOVA.</param>
    /// <param name="lastIova">The last IOVA.</param>
    /// <param name="changesTables">Whether pointers to tables must go too.</param>
    internal void Invalidate(ushort domainId, ulong iova, ulong lastIova, bool changesTables)
    {
        ulong first = iova >> PageShift;
        ulong last = lastIova >> PageShift;
        bool hint = _usesHint && !changesTables;
        if (_largestBlock < 0 || last - first >= _domainThreshold)
        {
            InvalidateDomain(domainId);
        }
        else if (_blocksPerRange > 1 && CountBlocks(first, last) <= _blocksPerRange)
        {
            for (ulong page = first; page <= last;)
            {
                int log2 = BlockLog2(page, last);
                InvalidateBlock(domainId, page, log2, hint);
                page += 1ul << log2;
            }
        }
        else if (BitOperations.Log2(first ^ last) + (first == last ? 0 : 1) is var log2 && log2 <= _largestBlock)
        {
            InvalidateBlock(domainId, first >> log2 << log2, log2, hint);
        }
        else
        {
            InvalidateDomain(domainId);
        }
    }

    /// <summary>Drops everything that is cached of a domain.</summary>
    internal void InvalidateDomain(ushort domainId) =>
        Queue.Add(VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Domain, domainId));

    private void InvalidateBlock(ushort domainId, ulong page, int log2, bool hint) =>
        Queue.Add(VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Selective, domainId, page << PageShift, log2, hint));

    /// <summary>Log2 of the pages of the largest block that starts at a page and ends before another at the latest.</summary>
    private int BlockLog2(ulong page, ulong last) =>
        Math.Min(Math.Min(BitOperations.TrailingZeroCount(page), BitOperations.Log2(last - page + 1)), _largestBlock);

    private int CountBlocks(ulong first, ulong last)
    {
        int count = 0;
        for (ulong page = first; page <= last && count <= _blocksPerRange; count++)
        {
            page += 1ul << BlockLog2(page, last);
        }

        return count;
    }
}
