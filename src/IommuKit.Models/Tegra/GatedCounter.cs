using IommuKit.Models.State;

namespace IommuKit.Models.Tegra;

/// <summary>A counter of the hardware: 32 bits that wrap, and count only while they are told to.</summary>
internal struct GatedCounter
{
    private long _held;
    private long _start;
    private bool _isCounting;

    /// <summary>Its value.</summary>
    /// <param name="events">How many events there were since the machine was made.</param>
    public readonly uint Read(long events) => (uint)(_held + (_isCounting ? events - _start : 0));

    /// <summary>Lets it count or stop, and perhaps start again from zero.</summary>
    public void Set(bool isCounting, bool isReset, long events)
    {
        _held = isReset ? 0 : Read(events);
        _start = events;
        _isCounting = isCounting;
    }

    /// <summary>Saves or restores it.</summary>
    public void Transfer(ref StateTransfer transfer)
    {
        transfer.Value(ref _held);
        transfer.Value(ref _start);
        transfer.Value(ref _isCounting);
    }
}
