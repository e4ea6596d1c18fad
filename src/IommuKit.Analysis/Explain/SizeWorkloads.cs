using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Machines;
using IommuKit.PageTables;
using IommuKit.Sync;
using IommuKit.Traces;

namespace IommuKit.Analysis.Explain;

/// <summary>
/// The bench's map and unmap, run with every combination of causes on a model of its own; after each a device tries every page, so that no
/// combination is counted that does not work. Where commands go through a queue, the two policies are run so, and their counts are mixed.
/// </summary>
public static class SizeWorkloads
{
    /// <summary>Runs one size.</summary>
    /// <param name="kind">The machine.</param>
    /// <param name="from">The first policy.</param>
    /// <param name="to">The second policy.</param>
    /// <param name="size">Bytes.</param>
    /// <returns>Map and unmap.</returns>
    /// <exception cref="InputException">The machine cannot map that.</exception>
    public static IReadOnlyList<Workload> Run(IommuKind kind, SyncPolicy from, SyncPolicy to, ulong size)
    {
        ArgumentNullException.ThrowIfNull(kind);
        BenchSteps.CheckSizes(new BenchOptions { Machines = [kind], Sizes = [size] });
        using var first = new Lane(kind, from, size, isMixed: false);
        using var second = new Lane(kind, to, size, isMixed: false);
        if (kind.HasQueue)
        {
            return [Counted(MappingOperation.Map), Counted(MappingOperation.Unmap)];
        }

        double[][][] counts = [new double[Workload.Combinations][], new double[Workload.Combinations][]];
        MappingOperation[] operations = [MappingOperation.Map, MappingOperation.Unmap];
        MaintenancePlan[] plans = [first.Do(operations[0]), first.Do(operations[1])];
        MaintenancePlan[] otherPlans = [second.Do(operations[0]), second.Do(operations[1])];
        for (int on = 0; on < Workload.Combinations; on++)
        {
            var causes = (Causes)on;
            using var lane = new Lane(kind, causes.HasFlag(Causes.Software) ? to : from, size, isMixed: true);
            foreach (var operation in operations)
            {
                int index = (int)operation;
                counts[index][on] = lane.Mix(operation, plans[index], otherPlans[index], causes);
            }
        }

        foreach (var operation in operations)
        {
            Check(first.Counts[(int)operation], counts[(int)operation][(int)Causes.None]);
            Check(second.Counts[(int)operation], counts[(int)operation][(int)Causes.All]);
        }

        return [.. operations.Select(operation => new Workload(ByteSize.Format(size), size, operation, counts[(int)operation]) { Waits = kind.Waits })];

        // What is in a queue cannot be put into another: there both policies are done, and their counts mixed.
        Workload Counted(MappingOperation operation)
        {
            var one = first.Count(operation);
            var other = second.Count(operation);
            return new Workload(
                ByteSize.Format(size),
                size,
                operation,
                [.. Enumerable.Range(0, Workload.Combinations).Select(on => MixedCounts.Of(one, other, (Causes)on).ToVector())])
            {
                Waits = kind.Waits,
            };
        }
    }

    /// <summary>Nothing on, and everything on, must be the two policies themselves.</summary>
    private static void Check(double[] policy, double[] mixture)
    {
        if (!policy.AsSpan().SequenceEqual(mixture))
        {
            throw new InvalidOperationException("The causes do not add up to the difference of the policies.");
        }
    }

    /// <summary>A machine on which the bench's work is done.</summary>
    private sealed class Lane : IDisposable
    {
        private readonly ulong _size;
        private readonly Machine _machine;
        private readonly IommuDomain _domain;
        private readonly PhysicalRange[] _list;
        private readonly StepRecorder _recorder;

        public Lane(IommuKind kind, SyncPolicy policy, ulong size, bool isMixed)
        {
            _size = size;
            _machine = kind.Create(new MachineSettings());
            _domain = _machine.CreateDomain(new DomainOptions { Policy = policy, Release = TableRelease.Never, DeferredAge = Timeout.InfiniteTimeSpan });
            _domain.Attach(_machine.TestDevice);
            _list = BenchSteps.ScatterList(_machine, size, BenchLayout.Scattered);
            BenchSteps.Stamp(_machine, _list);
            BenchSteps.Map(_domain, _list);
            BenchSteps.Unmap(_domain, size);
            _recorder = new StepRecorder(holdsBack: isMixed);
            _recorder.Listen(_machine);
        }

        public double[][] Counts { get; } = new double[2][];

        /// <summary>Does an operation as the policy does.</summary>
        public MaintenancePlan Do(MappingOperation operation)
        {
            var before = _machine.Counts;
            var plan = Record(operation);
            Counts[(int)operation] = VectorOf(_machine.Counts - before, operation);
            return plan;
        }

        /// <summary>Does an operation as the policy does, has a device look at the outcome, and counts.</summary>
        public OperationCounts Count(MappingOperation operation)
        {
            var before = _machine.Counts;
            Record(operation);
            var counts = _machine.Counts - before;
            if (_domain.Policy.IsFull())
            {
                BenchSteps.Touch(_machine, _machine.CreateDma(_machine.TestDevice), _list, _size, operation == MappingOperation.Map);
            }

            return WithCall(counts, operation);
        }

        /// <summary>Does an operation with the maintenance that the causes make of the policies', and has a device look at the outcome.</summary>
        public double[] Mix(MappingOperation operation, MaintenancePlan from, MaintenancePlan to, Causes on)
        {
            var before = _machine.Counts;
            Record(operation);
            var software = _machine.Counts - before;
            var hardware = _machine.MeterBeside();
            MixedMaintenance.Run(from, to, on, hardware);
            BenchSteps.Touch(_machine, _machine.CreateDma(_machine.TestDevice), _list, _size, operation == MappingOperation.Map);
            var done = hardware.Read(new DomainCounters());
            return VectorOf(software.WithHardwareOf(done), operation);
        }

        public void Dispose()
        {
            _domain.Dispose();
            _machine.Dispose();
        }

        private MaintenancePlan Record(MappingOperation operation)
        {
            _recorder.Start();
            if (operation == MappingOperation.Map)
            {
                BenchSteps.Map(_domain, _list);
            }
            else
            {
                BenchSteps.Unmap(_domain, _size);
            }

            return _recorder.Stop();
        }

        private static double[] VectorOf(OperationCounts counts, MappingOperation operation) => WithCall(counts, operation).ToVector();

        private static OperationCounts WithCall(OperationCounts counts, MappingOperation operation)
        {
            counts.Add(operation == MappingOperation.Map ? OperationKind.MapCall : OperationKind.UnmapCall, 1);
            return counts;
        }
    }
}
