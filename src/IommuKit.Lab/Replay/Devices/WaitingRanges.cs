namespace IommuKit.Lab.Replay.Devices;

/// <summary>Ranges that wait for a device, none of which overlap: in the order in which they came, and found by address.</summary>
internal sealed class WaitingRanges
{
    private static readonly Comparer<LinkedListNode<DeviceRange>> ByFirst =
        Comparer<LinkedListNode<DeviceRange>>.Create((one, other) => one.Value.First.CompareTo(other.Value.First));

    private readonly LinkedList<DeviceRange> _order = new();
    private readonly List<LinkedListNode<DeviceRange>> _byFirst = [];
    private LinkedListNode<DeviceRange>? _next;

    /// <summary>How many there are.</summary>
    public int Count => _order.Count;

    /// <summary>Adds a range, as the last in order.</summary>
    public void Add(ulong first, ulong last)
    {
        var node = _order.AddLast(new DeviceRange(first, last));
        _byFirst.Insert(PlaceOf(node), node);
    }

    /// <summary>Takes a range that overlaps with another.</summary>
    public bool TryTakeOverlapping(ulong first, ulong last, out DeviceRange range)
    {
        int place = PlaceOf(new LinkedListNode<DeviceRange>(new DeviceRange(first, last)));
        place -= place > 0 && _byFirst[place - 1].Value.Last >= first ? 1 : 0;
        return TryTake(place < _byFirst.Count && _byFirst[place].Value.First <= last ? _byFirst[place] : null, out range);
    }

    /// <summary>Takes the range that came after the one that was taken last.</summary>
    public bool TryTakeNext(out DeviceRange range) => TryTake(_next, out range);

    /// <summary>Takes the range that came first.</summary>
    public bool TryTakeOldest(out DeviceRange range) => TryTake(_order.First, out range);

    private bool TryTake(LinkedListNode<DeviceRange>? node, out DeviceRange range)
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
    private int PlaceOf(LinkedListNode<DeviceRange> node)
    {
        int place = _byFirst.BinarySearch(node, ByFirst);
        return place >= 0 ? place : ~place;
    }
}
