using FsCheck;
using FsCheck.Fluent;
using IommuKit.Domains;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Tests.Support;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;
using IommuKit.Specs.X86;

namespace IommuKit.Lab.Tests.Vtd;

/// <summary>Machines with VT-d: what devices see of random operations, and what is counted.</summary>
public sealed class VtdMachineTests
{
    private const ulong Pool = 1 << 20;
    private static readonly string[] Devices = ["00:02.0", "00:14.0", "01:00.0"];

    public static TheoryData<string, SyncPolicy> All
    {
        get
        {
            var data = new TheoryData<string, SyncPolicy>();
            foreach (var kind in VtdKinds.All)
            {
                foreach (var policy in Enum.GetValues<SyncPolicy>())
                {
                    data.Add(kind.Name, policy);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Devices_see_what_is_mapped(string name, SyncPolicy policy) => Check(name, new DomainOptions { Policy = policy, PageSizes = 4096 });

    [Theory]
    [MemberData(nameof(All))]
    public void Devices_see_what_is_mapped_with_large_pages_that_are_split(string name, SyncPolicy policy) =>
        Check(name, new DomainOptions { Policy = policy, SplitsPages = true });

    /// <summary>What an operation takes, by the rules of the architecture: one invalidation and one wait, handed over by one doorbell.</summary>
    [Fact]
    public void Commands_doorbells_and_waits_are_counted()
    {
        using var machine = Make("vtd-server");
        var domain = Attached(machine, SyncPolicy.Gather);
        var before = machine.Counts;
        domain.Map(0x1000, machine.DataStart, 0x2000, Protection.Read);
        (machine.Counts - before).Maintenance.ShouldBe(0);
        before = machine.Counts;
        domain.Unmap(0x1000, 0x2000);
        var counts = machine.Counts - before;
        counts[OperationKind.Command, OperationPurpose.Tlb].ShouldBe(2, "pages 1 and 2 are two aligned blocks");
        counts[OperationKind.Command, OperationPurpose.Completion].ShouldBe(1);
        counts[OperationKind.Doorbell].ShouldBe(1);
        counts[OperationKind.Wait].ShouldBe(1);
        counts[OperationKind.RegisterRead].ShouldBe(0);
        counts[OperationKind.RegisterWrite].ShouldBe(0);
        counts[OperationKind.LineCleaned].ShouldBe(0);
    }

    [Fact]
    public void Without_a_model_the_same_is_counted()
    {
        foreach (var kind in VtdKinds.All)
        {
            OperationCounts[] counts = [CountsOf(kind, true, true), CountsOf(kind, false, true), CountsOf(kind, false, false)];
            counts[1].ShouldBe(counts[0], kind.Name);
            counts[2].ShouldBe(counts[0], kind.Name);
            counts[0][OperationKind.Command].ShouldBeGreaterThan(0);
        }
    }

    [Fact]
    public void A_walker_that_does_not_snoop_has_lines_cleaned_and_its_write_buffer_flushed()
    {
        using var machine = Make("vtd-client-nc");
        var domain = Attached(machine, SyncPolicy.Gather);
        domain.Map(0, machine.DataStart, 0x1000, Protection.Read);
        var before = machine.Counts;
        domain.Map(0x1000, machine.DataStart, 0x8000, Protection.Read);
        var counts = machine.Counts - before;
        counts[OperationKind.LineCleaned].ShouldBe(2, "eight entries from the second on");
        counts[OperationKind.Barrier].ShouldBe(1);
        counts[OperationKind.RegisterWrite].ShouldBe(1);
        counts[OperationKind.Command].ShouldBe(0);
    }

    /// <summary>Every step left out must make some DMA go wrong.</summary>
    [Fact]
    public void Who_does_not_wait_leaves_the_page_reachable()
    {
        using var machine = Make("vtd-client");
        var domain = Attached(machine, SyncPolicy.Gather);
        domain.Map(0x1000, machine.DataStart, 0x1000, Protection.Read);
        var dma = machine.CreateDma(machine.TestDevice);
        dma.Read(0x1000, new byte[8]).IsComplete.ShouldBeTrue();
        machine.Filter = step => step.Kind == MaintenanceKind.StatusRead;
        domain.Unmap(0x1000, 0x1000);
        dma.Read(0x1000, new byte[8]).IsComplete.ShouldBeTrue();
        machine.SettleWrites();
        dma.Read(0x1000, new byte[8]).IsComplete.ShouldBeFalse();
    }

    [Fact]
    public void The_experiment_of_the_proposal_runs_on_all_of_them()
    {
        var rows = BenchRunner.Run(new BenchOptions
        {
            Machines = VtdKinds.All,
            Sizes = [128 << 10],
            Costs = CostFile.Find("vtd-public"),
        }).ToList();
        rows.Count.ShouldBe(VtdKinds.All.Count * Enum.GetValues<SyncPolicy>().Length * 2);
        rows.Single(row => row is { Iommu: "vtd-server", Policy: SyncPolicy.PerPage, Operation: MappingOperation.Unmap })
            .Counts[OperationKind.Command].ShouldBe(64);
        rows.Single(row => row is { Iommu: "vtd-server", Policy: SyncPolicy.Gather, Operation: MappingOperation.Unmap })
            .Counts[OperationKind.Command].ShouldBe(2);
    }

    [Fact]
    public void Tuning_reaches_the_driver()
    {
        var tuning = TuningValues.None.With(VtdTuning.Blocks, 1).With(VtdTuning.DomainThreshold, 4);
        using var machine = MachineCatalog.Find("vtd-server")!.Create(new MachineSettings { Tuning = tuning });
        var domain = Attached(machine, SyncPolicy.Gather);
        domain.Map(0x1000, machine.DataStart, 0x8000, Protection.Read);
        var before = machine.Counts;
        domain.Unmap(0x1000, 0x2000);
        (machine.Counts - before)[OperationKind.Command, OperationPurpose.Tlb].ShouldBe(1);
    }

    [Theory]
    [InlineData("linux-6.1", "linux-6.1")]
    [InlineData("linux-6.12", "linux-6.12")]
    [InlineData("linux-6.12.63", "linux-6.12.63")]
    [InlineData("linux-6.19", "linux-6.19")]
    [InlineData("linux", "linux-6.12")]
    [InlineData("linux-hint", "linux-6.19")]
    public void Rules_are_called_after_the_kernel_that_they_came_with(string text, string name)
    {
        int value = VtdTuning.Rules.Read!(text);
        VtdTuning.Rules.Text(value).ShouldBe(name);
        value.ShouldNotBe(0);
        Should.Throw<Traces.InputException>(() => VtdTuning.Rules.Read!("windows"));
    }

    [Theory]
    [InlineData(null, "linux-6.12")]
    [InlineData("6.1.0-56-amd64", "linux-6.1")]
    [InlineData("6.12.117+deb13-amd64", "linux-6.12.63")]
    [InlineData("7.2.13+deb14-amd64", "linux-6.19")]
    public void Rules_are_found_for_the_kernel_that_a_trace_names(string? kernel, string name) =>
        VtdTuning.Rules.Text(VtdTuning.Rules.RecordedBy!(kernel)).ShouldBe(name);

    private static void Check(string name, DomainOptions options)
    {
        var property = Prop.ForAll(Scenario.Arbitrary(), steps =>
        {
            using var machine = (VtdMachine)MachineCatalog.Find(name)!.Create(new MachineSettings
            {
                TablePoolStart = Pool,
                TablePool = 1 << 20,

                // Table memory starts out full of what looks like entries.
                Prepare = memory =>
                {
                    memory.CpuView.Span(Pool, 1 << 20).Fill(0xe7);
                    memory.WriteBack(Pool, 1 << 20);
                },
            });

            // A fault's handler is no part of this.
            machine.Model!.Write32(VtdRegister.FaultEvent, VtdRegister.EventBits.Mask);
            // What is present on the first stage can be read.
            bool isFirstStage = machine.Driver.Traits.Paging!.Format == X86Format.Name;
            Scenario.RunOn(
                machine,
                Pool,
                Devices,
                options with { DeferredCapacity = 5, Release = TableRelease.WhenCovered },
                steps,
                Protection.Read,
                isFirstStage ? Protection.Read | Protection.Write : Protection.Write);

            // The root table, and the context tables of two buses; in scalable mode three of these, and two for each of three devices.
            machine.Allocator.Outstanding.ShouldBeLessThanOrEqualTo(isFirstStage ? 10 : 3);
        });
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(8).WithEndSize(40), property);
    }

    private static OperationCounts CountsOf(IommuKind kind, bool hasModel, bool isShared)
    {
        using var machine = kind.Create(new MachineSettings { HasModel = hasModel, IsShared = isShared });
        var domain = Attached(machine, SyncPolicy.Gather);
        for (ulong i = 0; i < 300; i++)
        {
            domain.Map(0x1000 + (i << 13), 0x100_0000, 0x1000, Protection.Read);
            domain.Unmap(0x1000 + (i << 13), 0x1000);
        }

        return machine.Counts;
    }

    private static VtdMachine Make(string name) => (VtdMachine)MachineCatalog.Find(name)!.Create(new MachineSettings());

    private static IommuDomain Attached(Machine machine, SyncPolicy policy)
    {
        var domain = machine.CreateDomain(new DomainOptions { Policy = policy });
        domain.Attach(machine.TestDevice);
        return domain;
    }
}
