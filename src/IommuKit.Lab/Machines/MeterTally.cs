using IommuKit.Sync;

namespace IommuKit.Lab.Machines;

/// <summary>Counts in a meter what one page took for others too, as long as the meter only counts.</summary>
internal sealed class MeterTally(Meter meter) : IPageTally
{
    private OperationCounts _before;

    /// <inheritdoc/>
    public bool TryBegin() => meter.TryMark(out _before);

    /// <inheritdoc/>
    public void Repeat(long times) => meter.Repeat(_before, times);
}
