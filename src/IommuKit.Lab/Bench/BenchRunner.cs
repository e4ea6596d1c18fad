using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Seed;
using IommuKit.PageTables;

namespace IommuKit.Lab.Bench;

/// <summary>
/// The proposal's experiment on a modelled machine: map a scatter list, unmap it again, and count. In between a device reads every page through
/// the model, so that no figure comes from a mapping that does not work.
/// </summary>
/// <remarks>
/// An operation ends when the hardware is in step with it: under <see cref="SyncPolicy.Explicit"/> and <see cref="SyncPolicy.Deferred"/> the flush
/// that follows is part of it. Under Deferred many unmaps share a flush in real use.
/// </remarks>
public static class BenchRunner
{
    /// <summary>The largest size that any machine maps: half of what 32 bits of IOVA can name. One with little memory maps less.</summary>
    public const ulong MaxSize = 1ul << 31;

    /// <summary>Runs everything, one row after the other.</summary>
    public static IEnumerable<BenchRow> Run(BenchOptions options)
    {
        BenchSteps.CheckSizes(options);
        return
            from machine in options.Machines
            from policy in options.Policies
            from size in options.Sizes
            from row in RunOne(options, machine, policy, size)
            select row;
    }

    private static IEnumerable<BenchRow> RunOne(BenchOptions options, IommuKind kind, SyncPolicy policy, ulong size)
    {
        using var machine = kind.Create(options.Settings);
        bool keepsTables = options.Tables == BenchTables.Existing;
        using var domain = machine.CreateDomain(new DomainOptions
        {
            Policy = policy,
            Release = keepsTables ? TableRelease.Never : null,
            FlushAllPages = options.FlushAllPages,

            // Operations follow each other at once: only the length of the queue may count, and not how fast this computer is.
            DeferredAge = Timeout.InfiniteTimeSpan,
        });
        var device = machine.TestDevice;
        domain.Attach(device);
        var dma = machine.CreateDma(device);
        var list = BenchSteps.ScatterList(machine, size, options.Layout);
        BenchSteps.Stamp(machine, list);
        if (keepsTables)
        {
            BenchSteps.Map(domain, list);
            BenchSteps.Unmap(domain, size);
        }

        var before = machine.Counts;
        BenchSteps.Map(domain, list);
        var mapped = machine.Counts - before;
        var mapCaches = BenchSteps.Touch(machine, dma, list, size, isMapped: true);

        before = machine.Counts;
        long putOff = machine.PutOff.Pages;
        BenchSteps.Unmap(domain, size);
        var unmapped = machine.Counts - before;
        long reachable = machine.PutOff.Pages - putOff;
        var unmapCaches = BenchSteps.Touch(machine, dma, list, size, isMapped: false);

        yield return Row(MappingOperation.Map, mapped, mapCaches);
        yield return Row(MappingOperation.Unmap, unmapped, unmapCaches);

        BenchRow Row(MappingOperation operation, OperationCounts counts, CacheCounts caches)
        {
            bool isSeed = machine.Name == SeedTable.Machine;
            bool isMap = operation == MappingOperation.Map;
            counts.Add(isMap ? OperationKind.MapCall : OperationKind.UnmapCall, 1);
            var costs = options.Costs ?? CostFile.Of(kind);
            return new BenchRow(
                machine.Name,
                policy,
                operation,
                size,
                isSeed ? SeedTable.Find(operation, size, isBefore: true) : null,
                isSeed ? SeedTable.Find(operation, size, isBefore: false) : null,
                costs.Microseconds(counts),
                counts,
                options.Least?.Invoke(kind, operation, size),
                caches)
            {
                Costs = costs.Name,
                Unpriced = costs.Unpriced(counts),
                ReachablePages = isMap ? 0 : reachable,
            };
        }
    }
}
