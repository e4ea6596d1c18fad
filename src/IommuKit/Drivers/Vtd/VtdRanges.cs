using System.Runtime.CompilerServices;
using IommuKit.Sync;

namespace IommuKit.Drivers.Vtd;

/// <summary>A few ranges in place.</summary>
[InlineArray(Capacity)]
internal struct VtdRanges
{
    /// <summary>How many there are room for.</summary>
    public const int Capacity = 4;

    private Interval _first;
}
