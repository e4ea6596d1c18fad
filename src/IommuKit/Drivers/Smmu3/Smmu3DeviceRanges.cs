using System.Runtime.CompilerServices;
using IommuKit.Sync;

namespace IommuKit.Drivers.Smmu3;

/// <summary>A few ranges in place: what of an operation devices have to forget. The last one grows where there is no room.</summary>
internal struct Smmu3DeviceRanges
{
    private const int Capacity = 4;

    private Ranges _ranges;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>One of them.</summary>
    public readonly Interval this[int index] => _ranges[index];

    /// <summary>Adds a range.</summary>
    public void Add(Interval range)
    {
        if (Count < Capacity)
        {
            _ranges[Count++] = range;
        }
        else
        {
            _ranges[Capacity - 1] = _ranges[Capacity - 1].Around(range);
        }
    }

    /// <summary>Removes all.</summary>
    public void Clear() => Count = 0;

    [InlineArray(Capacity)]
    private struct Ranges
    {
        private Interval _first;
    }
}
