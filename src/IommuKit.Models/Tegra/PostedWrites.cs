using IommuKit.Models.State;

namespace IommuKit.Models.Tegra;

/// <summary>Register writes under way: in order, and not yet in effect.</summary>
internal sealed class PostedWrites(int capacity)
{
    private readonly (uint Offset, uint Value)[] _writes = new (uint, uint)[Math.Max(capacity, 1)];
    private int _first;

    public int Count { get; private set; }

    public bool IsFull => Count == _writes.Length;

    public void Add(uint offset, uint value)
    {
        _writes[(_first + Count) % _writes.Length] = (offset, value);
        Count++;
    }

    public (uint Offset, uint Value) Take()
    {
        var write = _writes[_first];
        _first = (_first + 1) % _writes.Length;
        Count--;
        return write;
    }

    public void Clear() => Count = 0;

    /// <summary>Saves or restores them.</summary>
    public void Transfer(ref StateTransfer transfer)
    {
        int count = Count;
        transfer.Value(ref count);
        StateTransfer.Check(count >= 0 && count <= _writes.Length, $"it has {count} posted writes, and {_writes.Length} at most can be");
        if (transfer.IsRestoring)
        {
            _first = 0;
            Count = count;
        }

        for (int i = 0; i < count; i++)
        {
            ref var write = ref _writes[(_first + i) % _writes.Length];
            transfer.Value(ref write.Offset);
            transfer.Value(ref write.Value);
        }
    }
}
