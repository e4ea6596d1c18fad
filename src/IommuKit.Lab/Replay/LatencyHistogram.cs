using System.Numerics;

namespace IommuKit.Lab.Replay;

/// <summary>
/// Counts durations in constant memory, to within one part in 64: buckets of equal width within each power of two nanoseconds.
/// </summary>
public sealed class LatencyHistogram
{
    private const int SubBits = 6;
    private const int SubBuckets = 1 << SubBits;
    private const int MaxLog2 = 62;

    private readonly long[] _counts = new long[(MaxLog2 - SubBits + 2) * SubBuckets];

    /// <summary>Durations counted.</summary>
    public long Count { get; private set; }

    /// <summary>The longest, exactly.</summary>
    public double MaxMicroseconds { get; private set; }

    /// <summary>Counts a duration.</summary>
    /// <param name="microseconds">0 or more.</param>
    public void Add(double microseconds)
    {
        long nanoseconds = (long)Math.Clamp(Math.Round(microseconds * 1000), 0, 1L << MaxLog2);
        _counts[BucketOf(nanoseconds)]++;
        Count++;
        MaxMicroseconds = Math.Max(MaxMicroseconds, microseconds);
    }

    /// <summary>The duration that a share of all does not exceed.</summary>
    /// <param name="share">0 to 1.</param>
    /// <returns>Microseconds; 0 if nothing was counted.</returns>
    public double Percentile(double share)
    {
        long wanted = Math.Max(1, (long)Math.Ceiling(share * Count));
        long seen = 0;
        for (int bucket = 0; bucket < _counts.Length; bucket++)
        {
            seen += _counts[bucket];
            if (seen >= wanted)
            {
                return Math.Min(UpperEnd(bucket) / 1000.0, MaxMicroseconds);
            }
        }

        return 0;
    }

    private static int BucketOf(long nanoseconds)
    {
        if (nanoseconds < SubBuckets)
        {
            return (int)nanoseconds;
        }

        int shift = BitOperations.Log2((ulong)nanoseconds) - SubBits;
        return ((shift + 1) << SubBits) + (int)(nanoseconds >> shift) - SubBuckets;
    }

    private static long UpperEnd(int bucket)
    {
        if (bucket < SubBuckets)
        {
            return bucket;
        }

        int shift = (bucket >> SubBits) - 1;
        return ((long)((bucket & (SubBuckets - 1)) + SubBuckets + 1) << shift) - 1;
    }
}
