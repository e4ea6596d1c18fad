using System.Diagnostics;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Machines;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Cli.HostTime;

/// <summary>
/// Measures the code of domains and drivers on this host: no model, no counting, registers that do nothing. Host time says nothing about
/// the hardware that is modelled.
/// </summary>
internal static class HostTimeRunner
{
    private const ulong Iova = 0x4000_0000;
    private const int WarmUps = 20;
    private const int Samples = 101;

    // A sample should be long against the clock's resolution and short against the scheduler's time slice.
    private const ulong PagesPerSample = 2048;

    /// <summary>Runs everything, one row after the other.</summary>
    public static IEnumerable<HostTimeRow> Run(BenchOptions options)
    {
        BenchSteps.CheckSizes(options);
        return RunRehearsed(options);
    }

    private static IEnumerable<HostTimeRow> RunRehearsed(BenchOptions options)
    {
        bool isFinal = Rehearsal.Repeat(() =>
        {
            foreach (var _ in Rows(options, samples: 1))
            {
                // Only what is done on the way counts.
            }
        });
        foreach (var row in Rows(options, Samples))
        {
            yield return row with { IsCodeFinal = isFinal };
        }
    }

    private static IEnumerable<HostTimeRow> Rows(BenchOptions options, int samples) =>
        from machine in options.Machines
        from policy in options.Policies
        from size in options.Sizes
        from row in RunOne(options, machine, policy, size, samples)
        select row;

    private static HostTimeRow[] RunOne(BenchOptions options, IommuKind kind, SyncPolicy policy, ulong size, int samples)
    {
        using var machine = kind.Create(options.Settings with { HasModel = false, HasMeter = false });
        using var domain = machine.Driver.CreateDomain(new DomainOptions
        {
            Policy = policy,
            Release = options.Tables == BenchTables.Existing ? TableRelease.Never : null,
            FlushAllPages = options.FlushAllPages,

            // A timer would flush on a thread of its own, in the middle of a sample.
            DeferredAge = Timeout.InfiniteTimeSpan,
        });
        domain.Attach(machine.TestDevice);
        var list = BenchSteps.ScatterList(machine, size, options.Layout);
        int slots = (int)Math.Clamp(PagesPerSample / (size / SmallPage.Bytes), 1, 64);
        double[] maps = new double[samples];
        double[] unmaps = new double[samples];

        // What an operation allocates, it allocates each time; more in single samples is not its own.
        long mapBytes = long.MaxValue;
        long unmapBytes = long.MaxValue;
        for (int sample = -WarmUps; sample < samples; sample++)
        {
            bool wasMapped = true;
            ulong unmapped = 0;
            long bytes = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            for (int slot = 0; slot < slots; slot++)
            {
                wasMapped &= domain.TryMapScatterGather(
                    Iova + ((ulong)slot * size), list, Protection.Read | Protection.Write, out _) == IommuError.None;
            }

            domain.Flush();
            long mapped = Stopwatch.GetTimestamp();
            long mappedBytes = GC.GetAllocatedBytesForCurrentThread();
            for (int slot = 0; slot < slots; slot++)
            {
                unmapped += domain.Unmap(Iova + ((ulong)slot * size), size);
            }

            domain.Flush();
            long end = Stopwatch.GetTimestamp();
            if (!wasMapped || unmapped != (ulong)slots * size)
            {
                throw new InvalidOperationException(
                    $"{machine.Name}, {policy}: what was timed did not work: {(wasMapped ? "mapped" : "not mapped")}, 0x{unmapped:x} bytes unmapped");
            }

            if (sample >= 0)
            {
                maps[sample] = Stopwatch.GetElapsedTime(start, mapped).TotalNanoseconds / slots;
                unmaps[sample] = Stopwatch.GetElapsedTime(mapped, end).TotalNanoseconds / slots;
                mapBytes = Math.Min(mapBytes, mappedBytes - bytes);
                unmapBytes = Math.Min(unmapBytes, GC.GetAllocatedBytesForCurrentThread() - mappedBytes);
            }
        }

        return [Row(MappingOperation.Map, maps, mapBytes), Row(MappingOperation.Unmap, unmaps, unmapBytes)];

        HostTimeRow Row(MappingOperation operation, double[] times, long allocated)
        {
            Array.Sort(times);
            return new HostTimeRow(
                machine.Name,
                policy,
                operation,
                size,
                times[times.Length / 2],
                times[0],
                times[times.Length * 9 / 10],
                times.Length,
                (double)allocated / slots);
        }
    }
}
