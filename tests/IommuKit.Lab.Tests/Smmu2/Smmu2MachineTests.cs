using IommuKit.Domains;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Iommus.Smmu2;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Teardown;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Tests.Smmu2;

/// <summary>What an SMMUv2's driver does to its hardware, counted: register writes, and the reads that wait.</summary>
public sealed class Smmu2MachineTests
{
    private const ulong Page = 4096;

    public static TheoryData<string, bool> Kinds()
    {
        var kinds = new TheoryData<string, bool>();
        foreach (var kind in Smmu2Kinds.All)
        {
            kinds.Add(kind.Name, true);
            kinds.Add(kind.Name, false);
        }

        return kinds;
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Accesses_are_counted_with_a_model_and_without(string name, bool hasModel)
    {
        using var machine = MachineCatalog.Find(name)!.Create(new MachineSettings { HasModel = hasModel });
        using var domain = machine.CreateDomain(new DomainOptions());
        domain.Attach(machine.TestDevice);
        domain.Map(0x10_0000, machine.DataStart & ~0xfffful, 33 * Page, Protection.Read);
        var before = machine.Counts;
        domain.Unmap(0x10_0000, 33 * Page);
        var counts = machine.Counts - before;
        counts[OperationKind.RegisterWrite, OperationPurpose.Tlb].ShouldBe(33);
        counts[OperationKind.RegisterWrite, OperationPurpose.Completion].ShouldBe(1);
        counts[OperationKind.RegisterRead, OperationPurpose.Completion].ShouldBe(1);
        counts[OperationKind.RegisterWrite].ShouldBe(34);
        (counts[OperationKind.LineCleaned] > 0).ShouldBe(name == "smmuv2-nc");
    }

    [Fact]
    public void The_threshold_reaches_the_driver()
    {
        using var machine = Smmu2Kinds.All[0].Create(new MachineSettings { Tuning = TuningValues.None.With(Smmu2Tuning.Threshold, 33) });
        using var domain = machine.CreateDomain(new DomainOptions());
        domain.Attach(machine.TestDevice);
        domain.Map(0x10_0000, machine.DataStart, 33 * Page, Protection.Read);
        var before = machine.Counts;
        domain.Unmap(0x10_0000, 33 * Page);
        (machine.Counts - before)[OperationKind.RegisterWrite, OperationPurpose.Tlb].ShouldBe(1);
    }

    [Theory]
    [InlineData("smmuv2")]
    [InlineData("smmuv2-nc")]
    [InlineData("smmuv2-s2")]
    [InlineData("smmuv1-v7s")]
    public void A_device_reads_what_is_mapped_and_nothing_else(string name)
    {
        using var machine = MachineCatalog.Find(name)!.Create(new MachineSettings());
        using var domain = machine.CreateDomain(new DomainOptions());
        domain.Attach(machine.TestDevice);
        domain.Map(0x10_0000, machine.DataStart, Page, Protection.Read);
        var dma = machine.CreateDma(machine.TestDevice);
        dma.Read(0x10_0000, new byte[16]).IsComplete.ShouldBeTrue();
        machine.Caches.TlbMisses.ShouldBe(1);
        domain.Unmap(0x10_0000, Page);
        dma.Read(0x10_0000, new byte[16]).IsComplete.ShouldBeFalse();

        // A wait that is left out shows.
        domain.Map(0x20_0000, machine.DataStart, Page, Protection.Read);
        dma.Read(0x20_0000, new byte[16]).IsComplete.ShouldBeTrue();
        machine.Filter = step => step is { Kind: MaintenanceKind.RegisterRead, Purpose: Specs.Mmio.RegisterPurpose.Completion };
        domain.Unmap(0x20_0000, Page);
        machine.Filter = null;
        dma.Read(0x20_0000, new byte[16]).IsComplete.ShouldBeTrue();
        machine.SettleWrites();
        dma.Read(0x20_0000, new byte[16]).IsComplete.ShouldBeFalse();
    }

    [Fact]
    public void A_guest_is_torn_down_in_every_way()
    {
        var rows = TeardownRunner.Run(new TeardownOptions { Size = 4 << 20, Machines = [Smmu2Kinds.All[0]], PageSizes = [Page] });
        rows.Count.ShouldBeGreaterThanOrEqualTo(3);
        rows.ShouldAllBe(row => row.Pages == 1024);
    }
}
