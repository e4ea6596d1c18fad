using IommuKit.Domains;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Tests.Support;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Tests.Tegra;

public class TegraMachineTests
{
    [Theory]
    [InlineData(0ul)]
    [InlineData(0x8000_0000ul)]
    public void Data_starts_after_the_table_pool(ulong pool)
    {
        using var machine = TegraMachine.Create(TegraSoc.Tegra30, new MachineSettings { TablePool = 1 << 20 }, tablePoolStart: pool);
        machine.DataStart.ShouldBe(pool + (1 << 20));
        using var domain = machine.CreateDomain(new DomainOptions());
        ((PagingDomain)domain).RootAddress.ShouldBeInRange(pool, machine.DataStart - 4096);
    }

    [Fact]
    public void Without_a_model_memory_is_what_the_tables_need()
    {
        using var machine = TegraMachine.Create(TegraSoc.Tegra210, new MachineSettings { HasModel = false, TablePool = 1 << 20 });
        machine.Memory.Length.ShouldBe(1ul << 20);
        using var domain = machine.CreateDomain(new DomainOptions());
        domain.Attach(machine.TestDevice);

        // What is mapped need not exist.
        domain.Map(0x4000_0000, 0x2_0000_0000, 4096, Protection.Read);
        domain.IovaToPhysical(0x4000_0010).ShouldBe(0x2_0000_0010ul);
        domain.Unmap(0x4000_0000, 4096).ShouldBe(4096ul);
    }

    [Fact]
    public void A_machine_whose_driver_is_disposed_of_translates_nothing()
    {
        using var machine = TegraMachine.Create(TegraSoc.Tegra210);
        using var tenant = new Tenant(machine, "hc", new DomainOptions());
        tenant.Touch(0x4000_0000).ShouldBeFalse();
        machine.Driver.Dispose();
        tenant.Touch(0x4000_0000).ShouldBeTrue();
        machine.Model!.Read32(TegraMc.SmmuConfig).ShouldBe(0u);
        machine.Model.Read32(TegraMc.IntMask).ShouldBe(0u);
    }
}
