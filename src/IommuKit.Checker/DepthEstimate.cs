namespace IommuKit.Checker;

/// <summary>How long all scenarios of some numbers of operations will take, by the time that shorter ones took.</summary>
/// <param name="Depth">Operations in the shortest of them.</param>
/// <param name="LastDepth">Operations in the longest of them.</param>
/// <param name="Time">How long they take together on this host, roughly; at most <see cref="TimeSpan.MaxValue"/>.</param>
public readonly record struct DepthEstimate(int Depth, int LastDepth, TimeSpan Time)
{
    /// <summary>Estimates.</summary>
    /// <param name="depth">Operations in the scenarios that were run last.</param>
    /// <param name="lastDepth">Operations in the longest that will be run; more than <paramref name="depth"/>.</param>
    /// <param name="taken">How long those of <paramref name="depth"/> took.</param>
    /// <param name="operations">How many operations there are to go on with, on average.</param>
    public static DepthEstimate Of(int depth, int lastDepth, TimeSpan taken, double operations)
    {
        // One more operation to a scenario: that many times as many scenarios, each longer by its share.
        double ticks = 0;
        double level = taken.Ticks;
        for (int next = depth + 1; next <= lastDepth && ticks < TimeSpan.MaxValue.Ticks; next++)
        {
            level *= operations * next / (next - 1);
            ticks += level;
        }

        return new DepthEstimate(depth + 1, lastDepth, ticks < TimeSpan.MaxValue.Ticks ? TimeSpan.FromTicks((long)ticks) : TimeSpan.MaxValue);
    }
}
