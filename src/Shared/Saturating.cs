namespace IommuKit;

/// <summary>Sums of numbers that come from files, and so can be as large as they like.</summary>
internal static class Saturating
{
    /// <summary>A sum, or 2^63 - 1 where it is larger.</summary>
    /// <param name="sum">The sum so far, 0 or more.</param>
    /// <param name="more">What comes to it.</param>
    public static long Add(long sum, ulong more) => (long)Math.Min((ulong)sum + Math.Min(more, long.MaxValue), long.MaxValue);
}
