using IommuKit.Domains;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Tests.Support;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Tests.Tegra;

/// <summary>From a DMA that goes wrong to the domain's handler, through registers, interrupt and acknowledgement.</summary>
public class TegraFaultTests
{
    private const ulong Page = 4096;
    private const ulong Iova = 0x4000_0000;

    public static TheoryData<string> Socs => Cases.Socs;

    [Theory]
    [MemberData(nameof(Socs))]
    public void Every_fault_reaches_the_handler_whether_writes_are_posted_or_not(string soc)
    {
        foreach (bool isImmediate in (bool[])[false, true])
        {
            using var machine = TegraMachine.Create(Cases.Soc(soc), new MachineSettings { HasImmediateWrites = isImmediate });
            using var tenant = new Tenant(machine, "hc", new DomainOptions());
            var faults = new List<IommuFault>();
            tenant.Domain.FaultHandler = faults.Add;
            for (ulong i = 0; i < 15; i++)
            {
                tenant.Touch(Iova + (i * Page)).ShouldBeFalse();
                faults.Count.ShouldBe((int)i + 1, $"immediate: {isImmediate}");
                faults[^1].Iova.ShouldBe(Iova + (i * Page));
            }

            machine.Model!.Read32(TegraMc.IntStatus).ShouldBe(0u);
        }
    }

    /// <summary>A handler's own mistakes are reported too, after it has returned.</summary>
    [Fact]
    public void A_fault_inside_a_handler_is_reported_after_it()
    {
        using var machine = TegraMachine.Create(TegraSoc.Tegra210);
        using var tenant = new Tenant(machine, "hc", new DomainOptions());
        var iovas = new List<ulong>();
        int depth = 0;
        tenant.Domain.FaultHandler = fault =>
        {
            (++depth).ShouldBe(1);
            iovas.Add(fault.Iova);
            if (iovas.Count < 20)
            {
                tenant.Touch(fault.Iova + Page).ShouldBeFalse();
            }

            depth--;
        };
        tenant.Touch(Iova).ShouldBeFalse();
        iovas.ShouldBe(Tenant.Range(Iova, 20 * Page));
    }

    [Fact]
    public void Faults_of_several_devices_at_once_do_not_stop_the_interrupts()
    {
        using var machine = TegraMachine.Create(TegraSoc.Tegra210);
        int count = 0;
        Tenant[] tenants = [.. new[] { "hc", "avpc", "hda" }.Select(name => new Tenant(machine, name, new DomainOptions()))];
        foreach (var tenant in tenants)
        {
            tenant.Domain.FaultHandler = _ => Interlocked.Increment(ref count);
        }

        Parallel.ForEach(tenants, tenant =>
        {
            for (int i = 0; i < 2000; i++)
            {
                tenant.Touch(Iova);
            }
        });
        count.ShouldBeInRange(1, 6000);
        machine.Model!.Read32(TegraMc.IntStatus).ShouldBe(0u);

        // One more is one call more.
        int before = count;
        tenants[0].Touch(Iova);
        count.ShouldBe(before + 1);
        Array.ForEach(tenants, tenant => tenant.Dispose());
    }

    /// <summary>An acknowledgement that does not arrive leaves the interrupt pending; the driver gives up in the end.</summary>
    [Fact]
    public void An_interrupt_that_cannot_be_acknowledged_does_not_hang_the_driver()
    {
        using var machine = TegraMachine.Create(TegraSoc.Tegra210);
        using var tenant = new Tenant(machine, "hc", new DomainOptions());
        int count = 0;
        tenant.Domain.FaultHandler = _ => count++;
        machine.Filter = step => step.Kind == MaintenanceKind.RegisterWrite && step.Address == TegraMc.IntStatus;
        tenant.Touch(Iova).ShouldBeFalse();
        count.ShouldBeInRange(1, 100);
        machine.Filter = null;
    }
}
