namespace IommuKit.Lab.Replay;

/// <summary>A clock that shows the time of the trace.</summary>
public sealed class TraceClock : TimeProvider
{
    /// <summary>Nanoseconds, as the trace has them.</summary>
    public long Now { get; set; }

    /// <inheritdoc/>
    public override long TimestampFrequency => 1_000_000_000;

    /// <inheritdoc/>
    public override long GetTimestamp() => Now;
}
