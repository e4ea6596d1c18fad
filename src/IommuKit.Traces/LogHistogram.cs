using System.Numerics;

namespace IommuKit.Traces;

/// <summary>
/// Counts numbers in constant memory, to within one part in 64: buckets of equal width within each power of two. Each keeps the largest number that
/// fell into it, so that a percentile is a number that was counted, and one of whole microseconds if all are.
/// </summary>
public sealed class LogHistogram
{
    private const int SubBits = 6;
    private const int SubBuckets = 1 << SubBits;
    private const int MaxLog2 = 62;

    private readonly Bucket[] _buckets = new Bucket[(MaxLog2 - SubBits + 2) * SubBuckets];

    /// <summary>Numbers counted.</summary>
    public long Count { get; private set; }

    /// <summary>The largest, exactly; 0 if nothing was counted.</summary>
    public long Max { get; private set; }

    /// <summary>Counts a number.</summary>
    /// <param name="value">0 or more; what exceeds 2^62 counts as 2^62.</param>
    public void Add(long value) => Add(value, 1);

    /// <summary>Counts a number several times.</summary>
    /// <param name="value">0 or more; what exceeds 2^62 counts as 2^62.</param>
    /// <param name="count">How often, 1 or more.</param>
    public void Add(long value, long count)
    {
        long counted = Math.Clamp(value, 0, 1L << MaxLog2);
        ref var bucket = ref _buckets[BucketOf(counted)];
        bucket.Count = Saturating.Add(bucket.Count, (ulong)count);
        bucket.Max = Math.Max(bucket.Max, counted);
        Count = Saturating.Add(Count, (ulong)count);
        Max = Math.Max(Max, value);
    }

    /// <summary>The number that a share of all does not exceed.</summary>
    /// <param name="share">0 to 1.</param>
    /// <returns>It, or a larger one by one part in 64 at most that was counted too; 0 if nothing was counted.</returns>
    public long Percentile(double share)
    {
        long wanted = Math.Max(1, (long)Math.Ceiling(share * Count));
        long seen = 0;
        foreach (ref readonly var bucket in _buckets.AsSpan())
        {
            seen = Saturating.Add(seen, (ulong)bucket.Count);
            if (seen >= wanted)
            {
                return bucket.Max;
            }
        }

        return 0;
    }

    private static int BucketOf(long value)
    {
        if (value < SubBuckets)
        {
            return (int)value;
        }

        int shift = BitOperations.Log2((ulong)value) - SubBits;
        return ((shift + 1) << SubBits) + (int)(value >> shift) - SubBuckets;
    }

    private struct Bucket
    {
        public long Count;
        public long Max;
    }
}
