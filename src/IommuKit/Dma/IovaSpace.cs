using System.Numerics;

namespace IommuKit.Dma;

/// <summary>Ranges of granules, handed out from the top. One thread at a time.</summary>
internal sealed class IovaSpace
{
    private readonly ulong _last;
    private FreeTree _free;

    public IovaSpace(RangeNodes nodes, ulong first, ulong last)
    {
        Nodes = nodes;
        _last = last;
        First = first;
        _free = new FreeTree(nodes);
        nodes.TryPrepare(1);
        int all = nodes.Take();
        nodes[all] = new RangeNode { Start = first, Length = last - first + 1, Generation = nodes[all].Generation };
        _free.Insert(all);
    }

    /// <summary>Its first granule.</summary>
    public ulong First { get; }

    /// <summary>Its free ranges, as they are now.</summary>
    public FreeTree Free => _free;

    /// <summary>Its ranges.</summary>
    public RangeNodes Nodes { get; }

    /// <summary>Takes a range of the highest granules that are free and fit.</summary>
    /// <param name="length">Granules, at least 1.</param>
    /// <param name="alignment">A power of two.</param>
    /// <param name="offset">What the first granule is beyond a multiple of the alignment; less than that.</param>
    /// <param name="last">The last granule that may be used.</param>
    /// <returns>Its node; 0 if there is none.</returns>
    public int Take(ulong length, ulong alignment, ulong offset, ulong last)
    {
        last = Math.Min(last, _last);
        ulong certain = length + (alignment - 1);
        if (certain < length || !Nodes.TryPrepare(2))
        {
            return 0;
        }

        // A block that is aligned to its size fits too where one of the length would not for sure.
        int order = offset == 0 && alignment >= length ? BitOperations.Log2(alignment) : -1;
        int index = _free.FindHighest(certain, order, last);
        if (index == 0)
        {
            return 0;
        }

        ref var node = ref Nodes[index];
        ulong end = Math.Min(node.Start + (node.Length - 1), last);
        ulong start = end - (length - 1);
        start -= (start - offset) & (alignment - 1);
        return Carve(index, start, length);
    }

    /// <summary>How many granules of a range are free.</summary>
    public ulong CountFree(ulong first, ulong last)
    {
        ulong count = 0;
        while (true)
        {
            int index = _free.FindAtOrBefore(last);
            ref var node = ref Nodes[index];
            ulong end = Math.Min(last, node.Start + (node.Length - 1));
            if (index == 0 || end < first)
            {
                return count;
            }

            ulong start = Math.Max(first, node.Start);
            count += end - start + 1;
            if (start == first)
            {
                return count;
            }

            last = start - 1;
        }
    }

    /// <summary>Takes what is free of a range, the highest granules of it first.</summary>
    /// <returns>A node; 0 if nothing is left, or there are as many nodes as there can be.</returns>
    public int TakeFree(ulong first, ulong last)
    {
        int index = _free.FindAtOrBefore(last);
        ref var node = ref Nodes[index];
        ulong end = Math.Min(last, node.Start + (node.Length - 1));
        if (index == 0 || end < first || !Nodes.TryPrepare(2))
        {
            return 0;
        }

        ulong start = Math.Max(first, node.Start);
        return Carve(index, start, end - start + 1);
    }

    /// <summary>Gives a range back. Nothing can fail here, and nothing is allocated.</summary>
    public void Return(int index)
    {
        ref var node = ref Nodes[index];
        int next = node.Next;
        if (next != 0 && Nodes[next].IsFree)
        {
            // The free one behind goes into it or, if there is one in front, both into that.
            node.Length += Nodes[next].Length;
            _free.Remove(next);
            Unlink(next);
        }

        int previous = node.Previous;
        if (previous != 0 && Nodes[previous].IsFree)
        {
            Nodes[previous].Length += node.Length;
            Unlink(index);
            _free.Changed(previous);
            return;
        }

        _free.Insert(index);
    }

    /// <summary>Takes a piece out of a free range, which keeps what is in front of it; what is behind becomes one of its own.</summary>
    private int Carve(int index, ulong start, ulong length)
    {
        ref var node = ref Nodes[index];
        ulong end = node.Start + node.Length;
        if (start == node.Start)
        {
            _free.Remove(index);
            node.Length = length;
            LinkBehind(index, start + length, end - (start + length));
            return index;
        }

        node.Length = start - node.Start;
        _free.Changed(index);
        int taken = Link(index, start, length);
        LinkBehind(taken, start + length, end - (start + length));
        return taken;
    }

    private void LinkBehind(int index, ulong start, ulong length)
    {
        if (length != 0)
        {
            _free.Insert(Link(index, start, length));
        }
    }

    private int Link(int previous, ulong start, ulong length)
    {
        int index = Nodes.Take();
        int next = Nodes[previous].Next;
        Nodes[index] = new RangeNode
        {
            Start = start,
            Length = length,
            Previous = previous,
            Next = next,
            Generation = Nodes[index].Generation,
        };
        Nodes[previous].Next = index;
        if (next != 0)
        {
            Nodes[next].Previous = index;
        }

        return index;
    }

    private void Unlink(int index)
    {
        ref var node = ref Nodes[index];
        Nodes[node.Previous].Next = node.Next;
        if (node.Next != 0)
        {
            Nodes[node.Next].Previous = node.Previous;
        }

        Nodes.Return(index);
    }
}
