namespace IommuKit.Dma;

/// <summary>
/// A range of granules. All ranges of a space, free or not, are a list by address; free ones are in a tree besides. It is about a cache line.
/// </summary>
internal struct RangeNode
{
    /// <summary>The first granule.</summary>
    public ulong Start;

    /// <summary>Granules.</summary>
    public ulong Length;

    /// <summary>The most granules of a free range in the tree below here, this one included.</summary>
    public ulong MostLength;

    /// <summary>The neighbours by address.</summary>
    public int Previous;

    /// <summary>The neighbours by address.</summary>
    public int Next;

    /// <summary>The subtrees of a free range. Of a node that is not in use, <see cref="Left"/> is the next of those.</summary>
    public int Left;

    /// <summary>The subtrees of a free range.</summary>
    public int Right;

    /// <summary>The next of those that wait to be given back.</summary>
    public int NextPending;

    /// <summary>Counts how often the node was given back, so that a handle is good for once.</summary>
    public int Generation;

    /// <summary>The height of the tree below here; 0 of ranges that are not free.</summary>
    public byte Height;

    /// <summary>log2 of the largest block within, aligned to its size.</summary>
    public sbyte Order;

    /// <summary>The most of these in the tree below here.</summary>
    public sbyte MostOrder;

    /// <summary>Whether the range is free, and so in the tree.</summary>
    public bool IsFree;
}
