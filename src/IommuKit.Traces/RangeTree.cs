
namespace IommuKit.Traces;

/// <summary>
/// Ranges that do not overlap, each with a value, in order. A treap in one array: it allocates only while it grows, and the sums of lengths in its
/// nodes tell what lies in a window of any width without a visit to what is inside.
/// </summary>
internal sealed class RangeTree
{
    private const int None = -1;

    private Node[] _nodes = new Node[64];
    private int _used;
    private int _free = None;
    private int _root = None;

    // A file made by somebody who knew the priorities could order a file's ranges so that the tree becomes a list. They change how the
    // tree looks, and nothing that it answers.
    private uint _random = (uint)Seeds.Next();

    /// <summary>Ranges in the tree.</summary>
    public int Count { get; private set; }

    /// <summary>Sum of the lengths; wraps if all 2^64 are in.</summary>
    public ulong Length => SumOf(_root);

    /// <summary>Finds the first range that has something in a window.</summary>
    public bool TryFind(ulong first, ulong last, out Range range)
    {
        int found = None;
        for (int at = _root; at != None;)
        {
            ref var node = ref _nodes[at];
            if (node.Range.Last >= first)
            {
                found = at;
                at = node.Left;
            }
            else
            {
                at = node.Right;
            }
        }

        range = found == None ? default : _nodes[found].Range;
        return found != None && range.First <= last;
    }

    /// <summary>Adds a range that overlaps none.</summary>
    public void Add(in Range range)
    {
        int node = Take(range);
        ref var added = ref _nodes[node];
        ref int link = ref _root;
        while (link != None && _nodes[link].Priority >= added.Priority)
        {
            ref var above = ref _nodes[link];
            above.Sum += added.Sum;
            link = ref range.First < above.Range.First ? ref above.Left : ref above.Right;
        }

        Split(link, range.First, out added.Left, out added.Right);
        Update(ref added);
        link = node;
        Count++;
    }

    /// <summary>Removes a range, which must be in the tree.</summary>
    public void Remove(in Range range)
    {
        ref int link = ref _root;
        while (_nodes[link].Range.First != range.First)
        {
            ref var above = ref _nodes[link];
            above.Sum -= range.Length;
            link = ref range.First < above.Range.First ? ref above.Left : ref above.Right;
        }

        int node = link;
        link = Merge(_nodes[node].Left, _nodes[node].Right);
        _nodes[node].Left = _free;
        _free = node;
        Count--;
    }

    /// <summary>How much of a window is in ranges.</summary>
    public ulong LengthIn(ulong first, ulong last) => LengthTo(last) - (first == 0 ? 0 : LengthTo(first - 1));

    /// <summary>Empties the tree.</summary>
    public void Clear()
    {
        _root = None;
        _free = None;
        _used = 0;
        Count = 0;
    }

    /// <summary>The length of everything up to a point.</summary>
    private ulong LengthTo(ulong last)
    {
        ulong length = 0;
        for (int at = _root; at != None;)
        {
            ref var node = ref _nodes[at];
            if (node.Range.First > last)
            {
                at = node.Left;
                continue;
            }

            length += SumOf(node.Left) + Math.Min(node.Range.Last, last) - node.Range.First + 1;
            at = node.Right;
        }

        return length;
    }

    private ulong SumOf(int node) => node == None ? 0 : _nodes[node].Sum;

    private void Update(ref Node node) => node.Sum = SumOf(node.Left) + SumOf(node.Right) + node.Range.Length;

    /// <summary>Takes a tree apart into what starts before a point and the rest.</summary>
    private void Split(int node, ulong first, out int left, out int right)
    {
        if (node == None)
        {
            left = None;
            right = None;
            return;
        }

        ref var top = ref _nodes[node];
        if (top.Range.First < first)
        {
            Split(top.Right, first, out top.Right, out right);
            left = node;
        }
        else
        {
            Split(top.Left, first, out left, out top.Left);
            right = node;
        }

        Update(ref top);
    }

    /// <summary>Joins two trees, of which one lies wholly before the other. Random priorities keep the depth logarithmic.</summary>
    private int Merge(int left, int right)
    {
        if (left == None || right == None)
        {
            return left == None ? right : left;
        }

        if (_nodes[left].Priority > _nodes[right].Priority)
        {
            ref var top = ref _nodes[left];
            top.Right = Merge(top.Right, right);
            Update(ref top);
            return left;
        }
        else
        {
            ref var top = ref _nodes[right];
            top.Left = Merge(left, top.Left);
            Update(ref top);
            return right;
        }
    }

    private int Take(in Range range)
    {
        int node = _free;
        if (node != None)
        {
            _free = _nodes[node].Left;
        }
        else
        {
            if (_used == _nodes.Length)
            {
                Array.Resize(ref _nodes, 2 * _used);
            }

            node = _used++;
        }

        _random ^= _random << 13;
        _random ^= _random >> 17;
        _random ^= _random << 5;
        _nodes[node] = new Node { Range = range, Sum = range.Length, Priority = _random, Left = None, Right = None };
        return node;
    }

    /// <summary>A range and what it stands for.</summary>
    public readonly record struct Range(ulong First, ulong Last, int Value = 0)
    {
        /// <summary>Its length; 0 for all 2^64.</summary>
        public ulong Length => Last - First + 1;
    }

    private struct Node
    {
        public Range Range;
        public ulong Sum;
        public uint Priority;
        public int Left;
        public int Right;
    }
}
