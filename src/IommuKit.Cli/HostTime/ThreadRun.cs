using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace IommuKit.Cli.HostTime;

/// <summary>Measures what several threads get done together, each with work of its own.</summary>
internal static class ThreadRun
{
    private const int Samples = 21;
    private const int WarmUps = 2;
    private static readonly TimeSpan Sample = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan RehearsedSample = TimeSpan.FromMicroseconds(20);

    /// <summary>Runs the work, one thread for each.</summary>
    /// <param name="works">The work, all with the same number of slots.</param>
    /// <param name="sampler">Samples the store limit.</param>
    /// <returns>
    /// Time from the first thread's start to the last one's end, for each pair of a map and an unmap that any of
    /// them did: the inverse of the throughput.
    /// </returns>
    public static Timing Measure(IReadOnlyList<PairWork> works, Sampler sampler)
    {
        var time = sampler.IsRehearsal ? RehearsedSample : Sample;
        var (map, unmap, rounds) = Sampler.Lap(works[0], time);
        int laps = (int)Math.Max(1, time.TotalNanoseconds / Sampler.Nanoseconds((map + unmap) / (double)rounds));
        double[] fills = new double[Samples];
        for (int sample = 0; sample < fills.Length; sample++)
        {
            fills[sample] = sampler.SampleFill();
        }

        var meeting = new Meeting(works.Count, laps);
        var threads = works.Skip(1).Select((work, index) => new Thread(() => meeting.Work(index + 1, work))).ToList();
        threads.ForEach(thread => thread.Start());
        meeting.Work(0, works[0]);
        threads.ForEach(thread => thread.Join());
        meeting.ThrowIfFailed();
        double pairs = (double)laps * works.Sum(work => work.Slots);
        return Timing.Of([.. meeting.Spans.Select(ticks => Sampler.Nanoseconds(ticks) / pairs)], meeting.BytesAllocated / pairs / Samples, fills);
    }

    /// <summary>Where the threads wait for each other.</summary>
    private sealed class Meeting(int threads, int laps)
    {
        private readonly long[,] _starts = new long[Samples + WarmUps, threads];
        private readonly long[,] _ends = new long[Samples + WarmUps, threads];
        private int _arrived;
        private long _bytesAllocated;
        private Exception? _failure;

        public long BytesAllocated => _bytesAllocated;

        /// <summary>Ticks that each sample took.</summary>
        public IEnumerable<long> Spans => Enumerable.Range(WarmUps, Samples).Select(sample =>
            Enumerable.Range(0, threads).Max(thread => _ends[sample, thread]) - Enumerable.Range(0, threads).Min(thread => _starts[sample, thread]));

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Work(int thread, PairWork work)
        {
            try
            {
                work.DoVerified();
                long bytes = 0;
                for (int sample = 0; sample < Samples + WarmUps; sample++)
                {
                    Meet(sample + 1);
                    if (sample == WarmUps)
                    {
                        bytes = GC.GetAllocatedBytesForCurrentThread();
                    }

                    _starts[sample, thread] = Stopwatch.GetTimestamp();
                    for (int lap = 0; lap < laps; lap++)
                    {
                        work.Map();
                        work.Unmap();
                    }

                    _ends[sample, thread] = Stopwatch.GetTimestamp();
                }

                Interlocked.Add(ref _bytesAllocated, GC.GetAllocatedBytesForCurrentThread() - bytes);
                work.DoVerified();
            }
            catch (InvalidOperationException e)
            {
                Volatile.Write(ref _failure, e);
            }
        }

        public void ThrowIfFailed()
        {
            if (_failure is not null)
            {
                throw new InvalidOperationException("A thread found its page table wrong.", _failure);
            }
        }

        // Spinning starts the threads closer together than waking them would.
        private void Meet(int round)
        {
            Interlocked.Increment(ref _arrived);
            var spinner = default(SpinWait);
            while (Volatile.Read(ref _arrived) < threads * round && Volatile.Read(ref _failure) is null)
            {
                spinner.SpinOnce(sleep1Threshold: -1);
            }
        }
    }
}
