using System.Diagnostics;
using IommuKit.Linux.Vfio;

namespace IommuKit.Linux.Bench;

/// <summary>
/// Times the kernel's calls that map and unmap. What is compared takes turns, so that it is of the same moments of a machine that does other things
/// too; a first turn is not counted.
/// </summary>
/// <param name="space">Where to map.</param>
/// <param name="page">Bytes of the smallest mapping.</param>
/// <param name="ring">What pins; null if nothing can.</param>
internal sealed class MapBench(HostSpace space, ulong page, IoUring? ring)
{
    private const int LeastTurns = 5;
    private const int MostTurns = 10_000;

    /// <summary>Maps and unmaps.</summary>
    /// <param name="iova">Where.</param>
    /// <param name="size">Bytes; a multiple of the page.</param>
    /// <param name="memories">Of each kind of pages, as much.</param>
    /// <param name="calls">In which ways.</param>
    /// <param name="time">How long to go on, but for the least number of turns.</param>
    /// <exception cref="HostException">The kernel refuses a mapping: with what to do. Nothing of it is mapped then.</exception>
    public IReadOnlyList<HostBenchRow> Run(
        ulong iova, ulong size, IReadOnlyList<BenchMemory> memories, IReadOnlyList<BenchCalls> calls, TimeSpan time)
    {
        Lane[] lanes = [.. memories.SelectMany(memory => calls.Select(way => new Lane(memory, way, way == BenchCalls.One ? size : page)))];
        long begin = Stopwatch.GetTimestamp();
        for (int turn = 0; turn <= LeastTurns || (turn < MostTurns && Stopwatch.GetElapsedTime(begin) < time); turn++)
        {
            foreach (var lane in lanes)
            {
                Measure(lane, iova, size, isCounted: turn != 0);
            }
        }

        return [.. lanes.SelectMany(lane => Rows(lane, size))];
    }

    private void Measure(Lane lane, ulong iova, ulong size, bool isCounted)
    {
        long start = Stopwatch.GetTimestamp();
        for (ulong at = 0; at < size; at += lane.Step)
        {
            int errno = space.Map(iova + at, lane.Memory.Address + at, lane.Step, reads: true, writes: true);
            if (errno != 0)
            {
                Unmap(iova, at, lane.Step);
                throw Refused(errno, at);
            }
        }

        long mapped = Stopwatch.GetTimestamp();
        Unmap(iova, size, lane.Step);
        long unmapped = Stopwatch.GetTimestamp();
        double? pinned = lane.Calls == BenchCalls.One ? Pin(lane.Memory, size) : null;
        if (isCounted)
        {
            lane.Maps.Add(Nanoseconds(mapped - start));
            lane.Unmaps.Add(Nanoseconds(unmapped - mapped));
            lane.Pins.AddRange(pinned is { } pin ? [pin] : (ReadOnlySpan<double>)[]);
        }
    }

    private void Unmap(ulong iova, ulong size, ulong step)
    {
        for (ulong at = 0; at < size; at += step)
        {
            int errno = space.Unmap(iova + at, step);
            if (errno != 0)
            {
                throw Remedies.Failed("what was mapped cannot be unmapped", errno);
            }
        }
    }

    private double? Pin(BenchMemory memory, ulong size)
    {
        long start = Stopwatch.GetTimestamp();
        if (ring is null || !ring.TryPin(memory.Address, size))
        {
            return null;
        }

        long pinned = Stopwatch.GetTimestamp();
        ring.Unpin();
        return Nanoseconds(pinned - start);
    }

    private static IEnumerable<HostBenchRow> Rows(Lane lane, ulong size)
    {
        yield return lane.Row(size, BenchOperation.Map, lane.Maps);
        yield return lane.Row(size, BenchOperation.Unmap, lane.Unmaps);
        if (lane.Pins.Count != 0)
        {
            yield return lane.Row(size, BenchOperation.Pin, lane.Pins);
        }
    }

    private static HostException Refused(int errno, ulong done)
    {
        var error = Errno.ToIommu(errno);
        string remedy = Remedies.OfMap(error) is { } text ? $" {text}" : string.Empty;
        return new HostException(
            error == IommuError.ENOMEM ? HostProblem.Permission : HostProblem.Failed, $"the kernel refuses to map ({error}) behind {done} bytes.{remedy}");
    }

    private static double Nanoseconds(long ticks) => ticks * 1e9 / Stopwatch.Frequency;

    private sealed record Lane(BenchMemory Memory, BenchCalls Calls, ulong Step)
    {
        public List<double> Maps { get; } = [];

        public List<double> Unmaps { get; } = [];

        public List<double> Pins { get; } = [];

        public HostBenchRow Row(ulong size, BenchOperation operation, List<double> samples) =>
            new(size, Step, Memory.Pages, Calls, operation, Latencies.Of(samples));
    }
}
