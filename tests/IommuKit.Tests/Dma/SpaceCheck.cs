using IommuKit.Dma;

namespace IommuKit.Tests.Dma;

/// <summary>What must hold of a space at any time, by looking at all of it.</summary>
internal static class SpaceCheck
{
    /// <summary>Checks the list, the tree, and that both agree.</summary>
    /// <returns>The free ranges, the lowest first.</returns>
    public static List<(ulong Start, ulong Length)> Check(IovaSpace space, ulong first, ulong last)
    {
        var nodes = space.Nodes;
        var inTree = new List<int>();
        Walk(nodes, space.Free.Root, inTree);
        inTree.TrueForAll(index => nodes[index].IsFree).ShouldBeTrue();

        // From any node to the first, and from there over all of it without a gap.
        int start = FirstOf(nodes);
        ulong next = first;
        var inList = new List<int>();
        bool wasFree = false;
        for (int index = start, previous = 0; index != 0; previous = index, index = nodes[index].Next)
        {
            nodes[index].Start.ShouldBe(next);
            nodes[index].Length.ShouldBeGreaterThan(0ul);
            nodes[index].Previous.ShouldBe(previous);
            next += nodes[index].Length;
            if (nodes[index].IsFree)
            {
                wasFree.ShouldBeFalse("two free ranges follow each other");
                inList.Add(index);
            }

            wasFree = nodes[index].IsFree;
        }

        next.ShouldBe(last + 1);
        inTree.ShouldBe(inList);

        // An AVL tree of n nodes is no higher than 1.4405 log2(n + 2).
        ((double)nodes[space.Free.Root].Height).ShouldBeLessThanOrEqualTo(1.4405 * Math.Log2(inTree.Count + 2));
        return [.. inTree.Select(index => (nodes[index].Start, nodes[index].Length))];
    }

    private static int FirstOf(RangeNodes nodes)
    {
        // The space begins with the node that was made first: it only ever gives away what is behind it.
        nodes[RangeNodes.First].Previous.ShouldBe(0);
        return RangeNodes.First;
    }

    private static (int Height, ulong Most, int Order) Walk(RangeNodes nodes, int index, List<int> visited)
    {
        if (index == 0)
        {
            return (0, 0, -1);
        }

        var node = nodes[index];
        var left = Walk(nodes, node.Left, visited);
        visited.Add(index);
        var right = Walk(nodes, node.Right, visited);
        Math.Abs(left.Height - right.Height).ShouldBeLessThanOrEqualTo(1);
        int order = OrderOf(node.Start, node.Length);
        ((int)node.Order).ShouldBe(order);
        var result = (
            1 + Math.Max(left.Height, right.Height),
            Math.Max(node.Length, Math.Max(left.Most, right.Most)),
            Math.Max(order, Math.Max(left.Order, right.Order)));
        ((int)node.Height, node.MostLength, (int)node.MostOrder).ShouldBe(result);
        return result;
    }

    /// <summary>By trying all of them.</summary>
    private static int OrderOf(ulong start, ulong length) => Enumerable.Range(0, 63).Last(order =>
    {
        ulong size = 1ul << order;
        ulong aligned = (start + size - 1) / size * size;
        return order == 0 || (size <= length && aligned >= start && aligned - start <= length - size);
    });
}
