using System.Collections;

namespace IommuKit.Drivers.Smmu3;

/// <summary>ASIDs or VMIDs. 0 is never given out: it is the tag of what has none.</summary>
internal sealed class Smmu3Tags(int bits)
{
    private readonly BitArray _used = new(1 << bits) { [0] = true };

    /// <summary>How many there are.</summary>
    public int Count => _used.Length - 1;

    /// <summary>Takes the lowest that is free.</summary>
    public bool TryTake(out ushort tag)
    {
        for (int candidate = 1; candidate < _used.Length; candidate++)
        {
            if (!_used[candidate])
            {
                _used[candidate] = true;
                tag = (ushort)candidate;
                return true;
            }
        }

        tag = 0;
        return false;
    }

    /// <summary>Gives one back.</summary>
    public void Release(ushort tag) => _used[tag] = false;
}
