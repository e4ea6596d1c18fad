namespace IommuKit.Traces.Faults;

/// <summary>What the times of a kernel log count from.</summary>
public enum LogClock
{
    /// <summary>There is no time.</summary>
    None,

    /// <summary>Seconds since the kernel started, as "[   12.345678]" has them.</summary>
    Boot,

    /// <summary>Date and time of day, which are good to a second only and can jump.</summary>
    Wall,
}
