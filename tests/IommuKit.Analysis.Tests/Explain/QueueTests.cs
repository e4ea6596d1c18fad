using IommuKit.Analysis.Explain;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Tests.Explain;

/// <summary>Gains on machines that take commands from a queue.</summary>
public sealed class QueueTests
{
    private const ulong Size = 128 << 10;

    /// <summary>32 pages: a command and its wait in a submission for each, or for all of them.</summary>
    [Fact]
    public void The_ends_are_the_two_policies_and_the_mixtures_are_between()
    {
        var unmap = Run("vtd-server", MappingOperation.Unmap);

        Count(unmap, Causes.None, OperationKind.Doorbell).ShouldBe(32);
        Count(unmap, Causes.None, OperationKind.Command).ShouldBe(64);
        Count(unmap, Causes.All, OperationKind.Doorbell).ShouldBe(1);
        Count(unmap, Causes.All, OperationKind.Command).ShouldBe(2);

        // One command cannot be waited for more than once, and all commands can be in one submission.
        Count(unmap, Causes.Invalidations, OperationKind.Doorbell).ShouldBe(1);
        Count(unmap, Causes.Waits, OperationKind.Doorbell).ShouldBe(1);
        Count(unmap, Causes.Waits, OperationKind.Command).ShouldBe(33);
        Count(unmap, Causes.Software, OperationKind.RunStored).ShouldBe(Count(unmap, Causes.All, OperationKind.RunStored));
        Count(unmap, Causes.Software, OperationKind.Doorbell).ShouldBe(32);
    }

    [Fact]
    public void Cleans_are_of_the_policy_that_the_cause_says()
    {
        var unmap = Run("vtd-client-nc", MappingOperation.Unmap);

        Count(unmap, Causes.None, OperationKind.LineCleaned).ShouldBe(32);
        Count(unmap, Causes.All, OperationKind.LineCleaned).ShouldBe(4);
        Count(unmap, Causes.Cleans, OperationKind.LineCleaned).ShouldBe(4);
        Count(unmap, Causes.Cleans, OperationKind.Doorbell).ShouldBe(32);
    }

    /// <summary>The parts sum to the gain, and the DMA sync counts for more where the walker does not snoop.</summary>
    [Fact]
    public void The_answer_of_2015_has_a_DMA_sync_only_where_the_walker_does_not_snoop()
    {
        var machines = OnOtherMachine.Of(MachineCatalog.All, SyncPolicy.PerPage, SyncPolicy.RangeFlush, Run("vtd-server", MappingOperation.Unmap));

        machines.Select(machine => machine.Kind.Name).ShouldBe(["vtd-server", "vtd-client-nc", "smmuv3"]);
        foreach (var machine in machines)
        {
            machine.Gain.ByCause.Sum(part => part.Us).ShouldBe(machine.Gain.FromUs - machine.Gain.ToUs, 1e-6);
            machine.Gain.ByOperation.Sum(part => part.Us).ShouldBe(machine.Gain.FromUs - machine.Gain.ToUs, 1e-6);
            machine.Gain.Registers.Share.ShouldBeGreaterThan(0.7);
        }

        machines[0].Snoops.ShouldBeTrue();
        machines[1].Snoops.ShouldBeFalse();
        machines[0].Gain.DmaSync.Us.ShouldBe(0);
        machines[1].Gain.DmaSync.Share.ShouldBeGreaterThan(0.1);
    }

    /// <summary>A fence is no DMA sync where nothing is cleaned, and the write to a queue's tail is no mere register write.</summary>
    [Theory]
    [InlineData("vtd-server", "doorbells with their waits, commands, fences, software", "fewer fences and doorbells")]
    [InlineData("vtd-client-nc", "register writes, doorbells with their waits, commands, register reads, lines cleaned, barriers, software", "fewer barriers and doorbells")]
    [InlineData("smmuv2", "register writes, polls of the sync, fences, software", "fewer fences and polls of the sync")]
    [InlineData("tegra210", "register writes, read-backs, lines cleaned, barriers, software", "fewer barriers and read-backs")]
    public void Operations_have_the_names_that_they_have_on_the_machine(string iommu, string operations, string waits)
    {
        var gain = new Attribution(Run(iommu, MappingOperation.Unmap), CostFile.Of(MachineCatalog.Find(iommu)!).Components.ToVector(), []);

        string.Join(", ", gain.ByOperation.Select(part => part.Name)).ShouldBe(operations);
        gain.ByCause[2].Name.ShouldBe(waits);
        bool cleans = operations.Contains("barriers", StringComparison.Ordinal);
        gain.DmaSync.Name.ShouldBe(cleans ? "DMA sync (lines cleaned and barriers)" : "DMA sync (none: nothing is cleaned)");
        (gain.DmaSync.Us != 0).ShouldBe(cleans);
        (gain.ByCause[1].Us != 0).ShouldBe(cleans);
        gain.Registers.Name.Contains("fences", StringComparison.Ordinal).ShouldBe(!cleans);
    }

    [Fact]
    public void A_trace_on_a_queue_has_the_times_of_its_replay()
    {
        var kind = MachineCatalog.Find("vtd-client-nc")!;
        string sample = RepositoryFiles.InRepository("samples", "vfio-edu-cm.trace.gz");
        var (work, replay) = TraceWorkload.Run(sample, kind, SyncPolicy.PerPage, SyncPolicy.Gather);
        var costs = CostFile.Find("vtd-public");
        var gain = new Attribution(work, costs.Components.ToVector(), []);

        gain.ToUs.ShouldBe(costs.Microseconds(replay.Counts), 1e-3 * gain.ToUs);
        gain.FromUs.ShouldBeGreaterThan(gain.ToUs);
        gain.ByCause.Sum(part => part.Us).ShouldBe(gain.FromUs - gain.ToUs, 1e-6 * gain.FromUs);
    }

    private static Workload Run(string iommu, MappingOperation operation) =>
        SizeWorkloads.Run(MachineCatalog.Find(iommu)!, SyncPolicy.PerPage, SyncPolicy.RangeFlush, Size).Single(work => work.Operation == operation);

    private static double Count(Workload workload, Causes on, OperationKind kind) => workload.With(on)[(int)kind];
}
