using System.Diagnostics;

namespace IommuKit.Cli.HostTime;

/// <summary>Measures work in many samples, each long against the clock's resolution and short against the scheduler's time slice.</summary>
/// <remarks>
/// Map and unmap are timed apart, in turns: the clock is read after each call of <see cref="PairWork.Map"/> and <see cref="PairWork.Unmap"/>, and its
/// cost is not subtracted. Each sample starts with a round that is verified, and not timed; before it the store limit is sampled, so that both
/// medians are of the same moments of a machine that does other things too.
/// </remarks>
/// <param name="fill">The store limit.</param>
/// <param name="isRehearsal">Whether everything is done in the same way but for a short time, and the times are thrown away.</param>
internal sealed class Sampler(FillLoop fill, bool isRehearsal = false)
{
    private const int FillEntries = 1 << 16;

    private const int MinSamples = 15;
    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(8);
    private static readonly TimeSpan Sample = TimeSpan.FromMicroseconds(40);
    private static readonly TimeSpan LongestSample = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan Budget = TimeSpan.FromMilliseconds(120);

    /// <summary>Whether the times are thrown away.</summary>
    public bool IsRehearsal => isRehearsal;

    private TimeSpan Warm => isRehearsal ? Sample : WarmUp;

    private int MaxSamples => isRehearsal ? 1 : 101;

    private int LeastSamples => isRehearsal ? 1 : MinSamples;

    /// <summary>Measures maps and unmaps.</summary>
    public (Timing Map, Timing Unmap) Measure(PairWork work)
    {
        var (map, unmap, rounds) = Lap(work, Warm);
        int laps = Laps(Math.Min(map, unmap) / (double)rounds, (map + unmap) / (double)rounds);
        double[] maps = new double[SampleCount((map + unmap) / (double)rounds * (laps + 1))];
        double[] unmaps = new double[maps.Length];
        double[] fills = new double[maps.Length];
        long mapBytes = 0;
        long unmapBytes = 0;
        for (int sample = 0; sample < maps.Length; sample++)
        {
            fills[sample] = SampleFill();
            work.DoVerified();
            long mapTicks = 0;
            long unmapTicks = 0;
            for (int lap = 0; lap < laps; lap++)
            {
                long bytes = GC.GetAllocatedBytesForCurrentThread();
                long start = Stopwatch.GetTimestamp();
                work.Map();
                long mapped = Stopwatch.GetTimestamp();
                long bytesMapped = GC.GetAllocatedBytesForCurrentThread();
                long again = Stopwatch.GetTimestamp();
                work.Unmap();
                unmapTicks += Stopwatch.GetTimestamp() - again;
                mapTicks += mapped - start;
                mapBytes += bytesMapped - bytes;
                unmapBytes += GC.GetAllocatedBytesForCurrentThread() - bytesMapped;
            }

            maps[sample] = Nanoseconds(mapTicks) / laps / work.Slots;
            unmaps[sample] = Nanoseconds(unmapTicks) / laps / work.Slots;
        }

        double operations = (double)laps * maps.Length * work.Slots;
        return (Timing.Of(maps, mapBytes / operations, fills), Timing.Of(unmaps, unmapBytes / operations, fills));
    }

    /// <summary>Measures a loop.</summary>
    /// <param name="work">The loop.</param>
    public Timing Measure(LoopWork work)
    {
        int count = 1;
        long ticks = 0;
        long warm = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(warm) < Warm || Nanoseconds(ticks) < Sample.TotalNanoseconds)
        {
            count = Nanoseconds(ticks) < Sample.TotalNanoseconds && count < int.MaxValue / 2 ? count * 2 : count;
            long start = Stopwatch.GetTimestamp();
            work.Run(count);
            ticks = Stopwatch.GetTimestamp() - start;
        }

        double[] samples = new double[MaxSamples];
        double[] fills = new double[MaxSamples];
        long bytes = GC.GetAllocatedBytesForCurrentThread();
        for (int sample = 0; sample < samples.Length; sample++)
        {
            fills[sample] = SampleFill();

            // What the fill pushed out of the caches comes back.
            work.Run(count);
            long start = Stopwatch.GetTimestamp();
            work.Run(count);
            samples[sample] = Nanoseconds(Stopwatch.GetTimestamp() - start) / count;
        }

        bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
        return Timing.Of(samples, bytes / (2.0 * count * samples.Length), fills);
    }

    /// <summary>One sample of the store limit, in nanoseconds for one entry.</summary>
    public double SampleFill()
    {
        long start = Stopwatch.GetTimestamp();
        fill.Run(FillEntries);
        return Nanoseconds(Stopwatch.GetTimestamp() - start) / FillEntries;
    }

    /// <summary>What reading the clock costs, in nanoseconds: it is part of each call of a pair.</summary>
    public static double ClockNanoseconds()
    {
        const int Readings = 1000;
        double[] samples = new double[MinSamples];
        for (int sample = 0; sample < samples.Length; sample++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int reading = 1; reading < Readings; reading++)
            {
                Stopwatch.GetTimestamp();
            }

            samples[sample] = Nanoseconds(Stopwatch.GetTimestamp() - start) / Readings;
        }

        Array.Sort(samples);
        return samples[samples.Length / 2];
    }

    /// <summary>Does work for a while. Returns ticks in maps and in unmaps, and how many rounds there were.</summary>
    internal static (long Map, long Unmap, int Rounds) Lap(PairWork work, TimeSpan time)
    {
        work.DoVerified();
        long map = 0;
        long unmap = 0;
        int rounds = 0;
        long begin = Stopwatch.GetTimestamp();
        do
        {
            long start = Stopwatch.GetTimestamp();
            work.Map();
            long mapped = Stopwatch.GetTimestamp();
            work.Unmap();
            unmap += Stopwatch.GetTimestamp() - mapped;
            map += mapped - start;
            rounds++;
        }
        while (Stopwatch.GetElapsedTime(begin) < time);

        return (map, unmap, rounds);
    }

    internal static double Nanoseconds(double ticks) => ticks * 1e9 / Stopwatch.Frequency;

    /// <summary>How many rounds make a sample, if the shorter half of a round and the whole of it take that many ticks.</summary>
    private static int Laps(double shorter, double both)
    {
        double enough = Sample.TotalNanoseconds / Nanoseconds(shorter);
        double most = LongestSample.TotalNanoseconds / Nanoseconds(both);
        return (int)Math.Max(1, Math.Ceiling(Math.Min(enough, most)));
    }

    private int SampleCount(double sampleTicks) =>
        (int)Math.Clamp(Budget.TotalNanoseconds / Nanoseconds(sampleTicks), LeastSamples, MaxSamples);
}
