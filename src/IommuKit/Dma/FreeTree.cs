using System.Numerics;

namespace IommuKit.Dma;

/// <summary>
/// Free ranges by address, as an AVL tree: each node knows the longest range below it, and the largest aligned block. Every operation takes
/// O(log n) steps; none allocates.
/// </summary>
internal struct FreeTree(RangeNodes nodes)
{
    private int _root;
    private long _steps;

    /// <summary>The root; 0 if nothing is free.</summary>
    public readonly int Root => _root;

    /// <summary>Nodes that searches have looked at.</summary>
    public readonly long Steps => _steps;

    /// <summary>Puts a range in. It must overlap none.</summary>
    public void Insert(int index)
    {
        ref var node = ref nodes[index];
        node.Left = node.Right = 0;
        node.IsFree = true;
        node.Order = (sbyte)OrderOf(node.Start, node.Length);
        Pull(index);
        _root = Insert(_root, index);
    }

    /// <summary>Takes a range out.</summary>
    public void Remove(int index)
    {
        _root = Remove(_root, nodes[index].Start);
        nodes[index].IsFree = false;
        nodes[index].Height = 0;
    }

    /// <summary>Takes note that a range is longer or shorter, or begins elsewhere, without having passed another.</summary>
    public readonly void Changed(int index)
    {
        ref var node = ref nodes[index];
        node.Order = (sbyte)OrderOf(node.Start, node.Length);
        Changed(_root, index);
    }

    /// <summary>The free range with the highest addresses that is long enough, or has a block of an order; 0 if none is.</summary>
    /// <param name="length">Granules that are enough wherever the range begins; 0 if only the order counts.</param>
    /// <param name="order">log2 of an aligned block that is enough too; negative if only the length counts.</param>
    /// <param name="last">The last granule that may be used. A range that goes on behind it counts as far as it.</param>
    public int FindHighest(ulong length, int order, ulong last) => FindHighest(_root, length, order, last);

    /// <summary>The range with the highest addresses that begins at a granule or before; 0 if none does.</summary>
    public readonly int FindAtOrBefore(ulong granule)
    {
        int found = 0;
        for (int index = _root; index != 0;)
        {
            ref var node = ref nodes[index];
            bool isBefore = node.Start <= granule;
            found = isBefore ? index : found;
            index = isBefore ? node.Right : node.Left;
        }

        return found;
    }

    /// <summary>log2 of the largest block in a range that is aligned to its size.</summary>
    public static int OrderOf(ulong start, ulong length)
    {
        // An aligned block of 2^k is certain from 2^(k+1) - 1 granules on, so it is one of two.
        int order = BitOperations.Log2(length);
        while (order >= 0)
        {
            ulong mask = (1ul << order) - 1;
            ulong aligned = (start + mask) & ~mask;
            if (aligned >= start && aligned - start <= length - (mask + 1))
            {
                return order;
            }

            order--;
        }

        return -1;
    }

    private int FindHighest(int index, ulong length, int order, ulong last)
    {
        while (index != 0)
        {
            _steps++;
            ref var node = ref nodes[index];
            if (!IsEnough(node.MostLength, node.MostOrder, length, order))
            {
                return 0;
            }

            if (node.Start > last)
            {
                index = node.Left;
                continue;
            }

            // Of those to the right, at most the path along the limit is looked at in vain.
            int right = FindHighest(node.Right, length, order, last);
            if (right != 0)
            {
                return right;
            }

            ulong end = node.Start + (node.Length - 1);
            if (end <= last ? IsEnough(node.Length, node.Order, length, order) : IsEnoughUntil(node.Start, last, length, order))
            {
                return index;
            }

            index = node.Left;
        }

        return 0;
    }

    private static bool IsEnough(ulong has, int hasOrder, ulong length, int order) =>
        (length != 0 && has >= length) || (order >= 0 && hasOrder >= order);

    private static bool IsEnoughUntil(ulong start, ulong last, ulong length, int order) =>
        IsEnough(last - start + 1, order < 0 ? -1 : OrderOf(start, last - start + 1), length, order);

    private readonly int Insert(int root, int index)
    {
        if (root == 0)
        {
            return index;
        }

        if (nodes[index].Start < nodes[root].Start)
        {
            nodes[root].Left = Insert(nodes[root].Left, index);
        }
        else
        {
            nodes[root].Right = Insert(nodes[root].Right, index);
        }

        return Balance(root);
    }

    private readonly int Remove(int root, ulong start)
    {
        ref var node = ref nodes[root];
        if (start < node.Start)
        {
            node.Left = Remove(node.Left, start);
        }
        else if (start > node.Start)
        {
            node.Right = Remove(node.Right, start);
        }
        else if (node.Left == 0 || node.Right == 0)
        {
            return node.Left | node.Right;
        }
        else
        {
            // The next by address takes its place.
            int next = node.Right;
            while (nodes[next].Left != 0)
            {
                next = nodes[next].Left;
            }

            int right = Remove(node.Right, nodes[next].Start);
            nodes[next].Left = node.Left;
            nodes[next].Right = right;
            return Balance(next);
        }

        return Balance(root);
    }

    private readonly void Changed(int root, int index)
    {
        if (root != index)
        {
            Changed(nodes[index].Start < nodes[root].Start ? nodes[root].Left : nodes[root].Right, index);
        }

        Pull(root);
    }

    private readonly int Balance(int root)
    {
        ref var node = ref nodes[root];
        int left = node.Left;
        int right = node.Right;
        int lean = nodes[left].Height - nodes[right].Height;
        if (lean > 1)
        {
            if (nodes[nodes[left].Left].Height < nodes[nodes[left].Right].Height)
            {
                node.Left = RotateLeft(left);
            }

            return RotateRight(root);
        }

        if (lean < -1)
        {
            if (nodes[nodes[right].Right].Height < nodes[nodes[right].Left].Height)
            {
                node.Right = RotateRight(right);
            }

            return RotateLeft(root);
        }

        Pull(root);
        return root;
    }

    private readonly int RotateLeft(int root)
    {
        int right = nodes[root].Right;
        nodes[root].Right = nodes[right].Left;
        nodes[right].Left = root;
        Pull(root);
        Pull(right);
        return right;
    }

    private readonly int RotateRight(int root)
    {
        int left = nodes[root].Left;
        nodes[root].Left = nodes[left].Right;
        nodes[left].Right = root;
        Pull(root);
        Pull(left);
        return left;
    }

    /// <summary>Makes what a node knows of those below it right again.</summary>
    private readonly void Pull(int index)
    {
        ref var node = ref nodes[index];
        ref var left = ref nodes[node.Left];
        ref var right = ref nodes[node.Right];
        node.Height = (byte)(1 + Math.Max(left.Height, right.Height));
        node.MostLength = Math.Max(node.Length, Math.Max(left.MostLength, right.MostLength));
        node.MostOrder = Math.Max(node.Order, Math.Max(left.MostOrder, right.MostOrder));
    }
}
