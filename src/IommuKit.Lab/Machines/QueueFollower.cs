using System.Numerics;

namespace IommuKit.Lab.Machines;

/// <summary>Follows a queue in memory by its end, and finds the entries that each doorbell hands over.</summary>
public struct QueueFollower
{
    private readonly ulong _address;
    private readonly int _entryLog2;
    private readonly uint _placeMask;
    private readonly uint _endMask;
    private uint _next;

    /// <summary>Begins with some entry.</summary>
    /// <param name="address">Physical address of the queue.</param>
    /// <param name="entryBytes">Bytes of an entry, a power of two.</param>
    /// <param name="entries">How many there are, a power of two.</param>
    /// <param name="hasWrapBit">Whether ends have a bit above those of a place, which tells a full queue from an empty one.</param>
    /// <param name="next">The entry, counted as ends are.</param>
    public QueueFollower(ulong address, int entryBytes, uint entries, bool hasWrapBit, uint next)
    {
        _address = address;
        _entryLog2 = BitOperations.Log2((uint)entryBytes);
        _placeMask = entries - 1;
        _endMask = hasWrapBit ? (2 * entries) - 1 : entries - 1;
        _next = next;
    }

    /// <summary>The next entry before an end, which then counts as seen.</summary>
    /// <param name="end">The end, in entries.</param>
    /// <param name="address">Physical address of the entry.</param>
    /// <returns>False if there are no more.</returns>
    public bool TryNext(uint end, out ulong address)
    {
        if (((_next ^ end) & _endMask) == 0)
        {
            address = 0;
            return false;
        }

        address = _address + ((ulong)(_next++ & _placeMask) << _entryLog2);
        return true;
    }
}
