namespace IommuKit.Tests.Support;

/// <summary>A clock that goes on only when it is told to, so that a slow machine makes no difference.</summary>
internal sealed class ManualClock : TimeProvider
{
    private long _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public void Advance(TimeSpan by) => _now += by.Ticks;

    public override long GetTimestamp() => _now;
}
