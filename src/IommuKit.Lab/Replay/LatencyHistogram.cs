using IommuKit.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>Counts durations in constant memory, to within one part in 64 and to the nanosecond.</summary>
public sealed class LatencyHistogram
{
    private readonly LogHistogram _nanoseconds = new();

    /// <summary>Durations counted.</summary>
    public long Count => _nanoseconds.Count;

    /// <summary>The longest, exactly.</summary>
    public double MaxMicroseconds { get; private set; }

    /// <summary>Counts a duration.</summary>
    /// <param name="microseconds">0 or more.</param>
    public void Add(double microseconds)
    {
        _nanoseconds.Add((long)Math.Round(microseconds * 1000));
        MaxMicroseconds = Math.Max(MaxMicroseconds, microseconds);
    }

    /// <summary>The duration that a share of all does not exceed.</summary>
    /// <param name="share">0 to 1.</param>
    /// <returns>Microseconds; 0 if nothing was counted.</returns>
    public double Percentile(double share) => Math.Min(_nanoseconds.Percentile(share) / 1000.0, MaxMicroseconds);
}
