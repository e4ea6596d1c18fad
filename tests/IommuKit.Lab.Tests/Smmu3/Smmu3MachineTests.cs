using IommuKit.Domains;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Tests.Smmu3;

/// <summary>What an SMMUv3's driver does to its hardware, counted: commands in memory, and the doorbells that hand them over.</summary>
public sealed class Smmu3MachineTests
{
    private const ulong Page = 4096;

    public static TheoryData<string, bool> Kinds()
    {
        var kinds = new TheoryData<string, bool>();
        foreach (var kind in Smmu3Kinds.All)
        {
            kinds.Add(kind.Name, true);
            kinds.Add(kind.Name, false);
        }

        return kinds;
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Commands_are_counted_with_a_model_and_without(string name, bool hasModel)
    {
        using var machine = MachineCatalog.Find(name)!.Create(new MachineSettings { HasModel = hasModel });
        using var domain = machine.CreateDomain(new DomainOptions());
        domain.Attach(machine.TestDevice);
        domain.Map(0x10_0000, machine.DataStart & ~0xfffful, 33 * Page, Protection.Read);
        var before = machine.Counts;
        domain.Unmap(0x10_0000, 33 * Page);
        var counts = machine.Counts - before;

        // 33 is 1 and 32 where there are ranges; without, a command for each page.
        // Devices with TLBs are told of 1 and 32 too, behind a CMD_SYNC.
        int translations = name is "smmuv3" or "smmuv3-s2" ? 2 : name == "smmuv3-ats" ? 4 : 33;
        counts[OperationKind.Command, OperationPurpose.Tlb].ShouldBe(translations);
        counts[OperationKind.Command, OperationPurpose.Completion].ShouldBe(name == "smmuv3-ats" ? 2 : 1);
        counts[OperationKind.Doorbell].ShouldBe(1 + ((translations - 1) / 6));
        counts[OperationKind.RegisterRead, OperationPurpose.Completion].ShouldBeGreaterThanOrEqualTo(1);
        (counts[OperationKind.LineCleaned] > 0).ShouldBe(name == "smmuv3-nc");
    }

    [Fact]
    public void Tuning_reaches_the_driver()
    {
        CommandsWith(TuningValues.None.With(Smmu3Tuning.Ranges, Smmu3Tuning.Ranges.Read!("covering"))).ShouldBe(1);
        CommandsWith(TuningValues.None.With(Smmu3Tuning.Ranges, Smmu3Tuning.Ranges.Read!("pages"))).ShouldBe(33);
        CommandsWith(TuningValues.None.With(Smmu3Tuning.Threshold, 2)).ShouldBe(1);
    }

    [Fact]
    public void A_device_reads_what_is_mapped()
    {
        using var machine = Smmu3Kinds.All[0].Create(new MachineSettings());
        using var domain = machine.CreateDomain(new DomainOptions());
        domain.Attach(machine.TestDevice);
        domain.Map(0x10_0000, machine.DataStart, Page, Protection.Read);
        var dma = machine.CreateDma(machine.TestDevice);
        dma.Read(0x10_0000, new byte[16]).IsComplete.ShouldBeTrue();
        machine.Caches.TlbMisses.ShouldBe(1);
        domain.Unmap(0x10_0000, Page);
        dma.Read(0x10_0000, new byte[16]).IsComplete.ShouldBeFalse();
    }

    private static long CommandsWith(TuningValues tuning)
    {
        using var machine = Smmu3Kinds.All[0].Create(new MachineSettings { Tuning = tuning });
        using var domain = machine.CreateDomain(new DomainOptions());
        domain.Attach(machine.TestDevice);
        domain.Map(0x10_0000, machine.DataStart, 33 * Page, Protection.Read);
        var before = machine.Counts;
        domain.Unmap(0x10_0000, 33 * Page);
        return (machine.Counts - before)[OperationKind.Command, OperationPurpose.Tlb];
    }
}
