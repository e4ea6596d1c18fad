using System.Collections;

namespace IommuKit.Drivers.Smmu3;

/// <summary>ASIDs or VMIDs. 0 is never given out: it is the tag of what has none.</summary>
internal sealed class Smmu3Tags(int bits)
{
    private readonly BitArray _used = new(1 << bits) { [0] = true };
    private int _next = 1;

    /// <summary>How many there are.</summary>
    public int Count => _used.Length - 1;

    /// <summary>Takes one; the one that was given back last comes again as late as possible.</summary>
    public bool TryTake(out ushort tag)
    {
        for (int tried = 0; tried < _used.Length; tried++)
        {
            int candidate = (_next + tried) & (_used.Length - 1);
            if (!_used[candidate])
            {
                _used[candidate] = true;
                _next = candidate + 1;
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
