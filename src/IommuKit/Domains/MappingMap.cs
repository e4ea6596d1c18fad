using IommuKit.Specs.PageTables;

namespace IommuKit.Domains;

/// <summary>Mappings that do not overlap, by IOVA: sorted blocks of a sorted list, so that neither grows long where the other is short.</summary>
internal sealed class MappingMap
{
    private const int BlockSize = 128;

    private readonly List<Block> _blocks = [];

    // One that was emptied: who maps and unmaps in turns makes no garbage.
    private Block? _spare;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>The first mapping that ends at an IOVA or later.</summary>
    /// <returns>False if there is none.</returns>
    public bool TryFindFrom(ulong iova, out Mapping mapping)
    {
        int at = BlockOf(iova);
        if (at == _blocks.Count)
        {
            mapping = default;
            return false;
        }

        var block = _blocks[at];
        mapping = block.Mappings[IndexOf(block, iova)];
        return true;
    }

    /// <summary>Adds a mapping that overlaps no other.</summary>
    public void Add(in Mapping mapping)
    {
        Count++;
        int at = BlockOf(mapping.First);
        if (at == _blocks.Count)
        {
            if (at == 0)
            {
                _blocks.Add(TakeBlock());
            }

            at = _blocks.Count - 1;
        }

        var block = _blocks[at];
        if (block.Count == BlockSize)
        {
            var upper = TakeBlock();
            block.MoveUpperHalf(upper);
            _blocks.Insert(at + 1, upper);
            block = mapping.First > block.Last ? upper : block;
        }

        block.Insert(IndexOf(block, mapping.First), mapping);
    }

    /// <summary>Removes the mapping that begins at an IOVA, which is there.</summary>
    public void Remove(ulong first)
    {
        Count--;
        int at = BlockOf(first);
        var block = _blocks[at];
        block.RemoveAt(IndexOf(block, first));
        if (block.Count == 0)
        {
            _blocks.RemoveAt(at);
            _spare = block;
        }
    }

    private Block TakeBlock()
    {
        var block = _spare ?? new Block();
        _spare = null;
        return block;
    }

    /// <summary>The first block that ends at an IOVA or later; their number if there is none.</summary>
    private int BlockOf(ulong iova)
    {
        int low = 0;
        int high = _blocks.Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_blocks[middle].Last < iova)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>The first mapping of a block that ends at an IOVA or later; their number if there is none.</summary>
    private static int IndexOf(Block block, ulong iova)
    {
        int low = 0;
        int high = block.Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (block.Mappings[middle].Last < iova)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>A mapping as it was asked for.</summary>
    /// <param name="First">First IOVA.</param>
    /// <param name="Last">Last IOVA.</param>
    /// <param name="PhysicalAddress">What the first IOVA is mapped to.</param>
    /// <param name="Protection">What devices may do.</param>
    public readonly record struct Mapping(ulong First, ulong Last, ulong PhysicalAddress, Protection Protection);

    private sealed class Block
    {
        public Mapping[] Mappings { get; } = new Mapping[BlockSize];

        public int Count { get; private set; }

        /// <summary>Where the last mapping ends.</summary>
        public ulong Last => Mappings[Count - 1].Last;

        public void Insert(int index, in Mapping mapping)
        {
            Array.Copy(Mappings, index, Mappings, index + 1, Count - index);
            Mappings[index] = mapping;
            Count++;
        }

        public void RemoveAt(int index)
        {
            Count--;
            Array.Copy(Mappings, index + 1, Mappings, index, Count - index);
        }

        public void MoveUpperHalf(Block other)
        {
            int half = Count / 2;
            Array.Copy(Mappings, half, other.Mappings, 0, Count - half);
            other.Count = Count - half;
            Count = half;
        }
    }
}
