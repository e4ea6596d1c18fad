using IommuKit.Domains;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;
using IommuKit.Specs.Smmu3;
using IommuKit.Specs.Vtd;
using IommuKit.Traces.Audit;

namespace IommuKit.Lab.Tests.Replay;

/// <summary>What a driver queues in a replay is told by kind and by the pages that each command names, beside what was recorded.</summary>
public sealed class CommandKindTests
{
    /// <summary>Linux 6.1, strict: each block as the kernel queued it, and a wait for each, which is not recorded.</summary>
    [SharedFact]
    public void The_blocks_of_a_strict_kernel_come_out_under_its_rules()
    {
        var result = Replay("nvme-rand-strict-qi", "vtd-server", "linux-6.1", SyncPolicy.SplitSync);
        result.IsAsRecorded.ShouldBeTrue();
        result.Trace.CommandBlocks.ShouldBe(
        [
            new CommandCount("interrupt_entry_cache", null, 14),
            new CommandCount("iotlb_pages", 1, 24_014),
            new CommandCount("iotlb_pages", 4, 3_000),
        ]);
        result.Commands.ShouldBe(
        [
            new CommandCount("iotlb_pages", 1, 24_014),
            new CommandCount("iotlb_pages", 4, 3_000),
            new CommandCount("wait", null, 27_014) { IsWait = true },
        ]);
    }

    /// <summary>Three devices whose IOVAs overlap, and events that do not name them.</summary>
    [SharedFact]
    public void So_do_those_of_several_domains()
    {
        var result = Replay("boot-multi", "vtd-server", "linux-6.1", SyncPolicy.SplitSync);
        result.Trace.Domains.ShouldBe(3);
        result.Commands.Where(one => one.Kind == "iotlb_pages").ShouldBe(result.Trace.CommandBlocks.Where(one => one.Kind == "iotlb_pages"));
        result.Commands.Where(one => one.Kind == "iotlb_pages").Sum(one => one.Count).ShouldBe(17_952);
    }

    [SharedTheory]
    [InlineData("vtd-server", SyncPolicy.PerPage)]
    [InlineData("vtd-server-fs", SyncPolicy.Gather)]
    [InlineData("vtd-server-ats", SyncPolicy.Deferred)]
    [InlineData("smmuv3", SyncPolicy.Gather)]
    [InlineData("smmuv3-ats", SyncPolicy.SplitSync)]
    public void Kinds_add_up_to_what_commands_are_for(string iommu, SyncPolicy policy)
    {
        var result = Replay("e1000e-counter-lazy-qi", iommu, null, policy);
        result.Commands.Where(one => one.IsWait).Sum(one => one.Count).ShouldBe(result.Counts[OperationKind.Command, OperationPurpose.Completion]);
        result.Commands.Where(one => !one.IsWait).Sum(one => one.Count).ShouldBe(
            result.Counts[OperationKind.Command, OperationPurpose.Tlb] + result.Counts[OperationKind.Command, OperationPurpose.Other]);
        result.Commands.ShouldNotBeEmpty();
    }

    [SharedFact]
    public void Without_a_queue_there_are_none() =>
        Replay("e1000e-counter-lazy-qi", "tegra210", null, SyncPolicy.Gather).Commands.ShouldBeEmpty();

    [Fact]
    public void Blocks_of_descriptors_are_told_by_their_masks()
    {
        PagesOf(VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Selective, 1, 0x8000, 3)).ShouldBe(("iotlb_pages", 8ul));
        PagesOf(VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Selective, 1, 0, 63)).ShouldBe(("iotlb_pages", 1ul << 52));
        PagesOf(VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Domain, 1, 0x8000, 3)).ShouldBe(("iotlb_domain", 0ul));
        PagesOf(VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Global)).ShouldBe(("iotlb_global", 0ul));
        PagesOf(VtdInvalidationDescriptor.InvalidatePasidIotlb(VtdGranularity.Selective, 1, 5, 0x4000, 2)).ShouldBe(("pasid_iotlb_pages", 4ul));
        PagesOf(VtdInvalidationDescriptor.InvalidatePasidIotlb(VtdGranularity.Domain, 1, 5)).ShouldBe(("pasid_iotlb_domain", 0ul));
        PagesOf(VtdInvalidationDescriptor.InvalidateDeviceTlb(0x10, 0x4000, 12)).ShouldBe(("device_tlb", 1ul));
        PagesOf(VtdInvalidationDescriptor.InvalidateDeviceTlb(0x10, 0x4000, 14)).ShouldBe(("device_tlb", 4ul));
        PagesOf(VtdInvalidationDescriptor.InvalidateDeviceTlb(0x10, 0, 64)).ShouldBe(("device_tlb", 1ul << 52));
        PagesOf(VtdInvalidationDescriptor.InvalidateContexts(VtdGranularity.Global)).ShouldBe(("context_cache", 0ul));
        PagesOf(VtdInvalidationDescriptor.CompletionWait(0x1000, 1)).ShouldBe(("wait", 0ul));

        static (string, ulong) PagesOf(VtdInvalidationDescriptor descriptor) =>
            (VtdCommandKinds.Names[VtdCommandKinds.SlotOf(descriptor)], VtdCommandKinds.PagesOf(descriptor));
    }

    [Fact]
    public void Ranges_of_an_SMMU_need_be_no_powers_of_two()
    {
        var tally = new CommandTally(Smmu3CommandKinds.All);
        Count(Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x4000, asid: 1));
        Count(Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x4000, asid: 1, granule: 1, number: 2, scale: 3));
        Count(Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x8000, asid: 1, granule: 1, number: 2, scale: 3));
        Count(Smmu3Command.DropDeviceTlb(1, 0x4000, 2));
        Count(Smmu3Command.Sync());
        Count(new Smmu3Command(0xff, 0));
        tally.Read().ShouldBe(
        [
            new CommandCount("atc_inv", 4, 1),
            new CommandCount("sync", null, 1) { IsWait = true },
            new CommandCount("tlbi_nh_va", 1, 1),
            new CommandCount("tlbi_nh_va", 24, 2),
            new CommandCount("undefined", null, 1),
        ]);
        tally.Clear();
        tally.Read().ShouldBeEmpty();

        void Count(Smmu3Command command) => tally.Count(Smmu3CommandKinds.SlotOf(command), Smmu3CommandKinds.PagesOf(command));
    }

    private static ReplayResult Replay(string trace, string iommu, string? rules, SyncPolicy policy)
    {
        var kind = MachineCatalog.Find(iommu)!;
        var settings = new MachineSettings();
        if (rules is not null)
        {
            var option = kind.Tuning.Single(one => one.Name == "vtd-rules");
            settings = settings with { Tuning = settings.Tuning.With(option, option.Read!(rules)) };
        }

        return Replayer.Run(
            RepositoryFiles.InShared("traces", trace, "trace.gz"),
            new ReplayOptions { Machines = [kind], Policies = [policy], Tunings = [new ReplayTuning { Settings = settings }] })[0];
    }
}
