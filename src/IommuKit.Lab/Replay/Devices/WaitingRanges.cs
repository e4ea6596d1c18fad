namespace IommuKit.Lab.Replay.Devices;

/// <summary>A range of IOVAs.</summary>
/// <param name="First">Its first address.</param>
/// <param name="Last">Its last.</param>
internal readonly record struct IovaRange(ulong First, ulong Last);

/// <summary>Ranges that wait for a device, none of which overlap: in the order in which they came, and found by address.</summary>
internal sealed class WaitingRanges
{
    private static readonly Comparer<LinkedListNode<IovaRange>> ByFirst =
        Comparer<LinkedListNode<IovaRange>>.Create((one, other) => one.Value.First.CompareTo(other.Value.First));

    private readonly LinkedList<IovaRange> _order = new();
    private readonly List<LinkedListNode<IovaRange>> _byFirst = [];
    private LinkedListNode<IovaRange>? _next;

    /// <summary>How many there are.</summary>
    public int Count => _order.Count;

    /// <summary>Adds a range, as the last in order.</summary>
    public void Add(ulong first, ulong last)
    {
        var node = _order.AddLast(new IovaRange(first, last));
        _byFirst.Insert(PlaceOf(node), node);
    }

    /// <summary>Takes a range that overlaps with another.</summary>
    public bool TryTakeOverlapping(ulong first, ulong last, out IovaRange range)
    {
        int place = PlaceOf(new LinkedListNode<IovaRange>(new IovaRange(first, last)));
        place -= place > 0 && _byFirst[place - 1].Value.Last >= first ? 1 : 0;
        return TryTake(place < _byFirst.Count && _byFirst[place].Value.First <= last ? _byFirst[place] : null, out range);
    }

    /// <summary>Takes the range that came after the one that was taken last.</summary>
    public bool TryTakeNext(out IovaRange range) => TryTake(_next, out range);

    /// <summary>Takes the range that came first.</summary>
    public bool TryTakeOldest(out IovaRange range) => TryTake(_order.First, out range);

    private bool TryTake(LinkedListNode<IovaRange>? node, out IovaRange range)
    {
        range = node?.Value ?? default;
        if (node is null)
        {
            return false;
        }

        _byFirst.RemoveAt(PlaceOf(node));
        _next = node.Next;
        _order.Remove(node);
        return true;
    }

    /// <summary>Where a range is by address, or would be.</summary>
    private int PlaceOf(LinkedListNode<IovaRange> node)
    {
        int place = _byFirst.BinarySearch(node, ByFirst);
        return place >= 0 ? place : ~place;
    }
}
