using IommuKit.Domains;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Tests.Support;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Tests.Tegra;

/// <summary>Properties of the Tegra fact sheet, by name: P10 and P13 to P15: address spaces and memory used again.</summary>
public class TegraReusePropertyTests : TegraPropertyFixture
{
    [Theory]
    [MemberData(nameof(SocsAndPolicies))]
    public void P10_address_spaces_are_kept_apart_and_reused_cleanly(string name, SyncPolicy policy)
    {
        var soc = Cases.Soc(name);
        using var machine = TegraMachine.Create(soc);
        using var first = new Tenant(machine, "hc", new DomainOptions { Policy = policy });
        using var second = new Tenant(machine, "avpc", new DomainOptions { Policy = policy });
        first.Map(Iova, Data, 4 * Page);
        second.Map(Iova, Data + (64 * Page), 4 * Page);
        first.Flush();
        second.Flush();
        first.ShouldSee(Iova);
        second.ShouldSee(Iova);

        // A flush for one leaves what the other has cached alone.
        long misses = machine.Caches.TlbMisses;
        first.Unmap(Iova, Page);
        if (policy != SyncPolicy.Deferred)
        {
            first.Flush();
        }

        second.Touch(Iova).ShouldBeTrue();
        machine.Caches.TlbMisses.ShouldBe(misses);

        // A third domain gets the address space that the second gives up.
        second.Domain.Detach(second.Device);
        using var third = new Tenant(machine, "hda", new DomainOptions { Policy = policy });
        third.ShouldSeeAround(Iova, 4 * Page);
        third.Touch(Iova).ShouldBeFalse();
        third.Map(Iova, Data + (128 * Page), Page);
        third.Flush();
        third.ShouldSeeAround(Iova, 4 * Page);
        first.ShouldSeeAround(Iova, 4 * Page);
    }

    [Theory]
    [MemberData(nameof(Socs))]
    public void P13_a_directory_in_recycled_memory_is_not_read_from_stale_lines(string name)
    {
        foreach (bool isFlushed in (bool[])[true, false])
        {
            using var machine = TegraMachine.Create(Cases.Soc(name), tablePoolStart: Cases.TablePool(Cases.Soc(name)));
            using var tenant = new Tenant(machine, "hc", new DomainOptions());

            // The walker has read, as a page table, memory that will be a directory, and its lines are still there.
            tenant.Map(Iova, Data, Page);
            ulong table = EntryAddress(machine, tenant.Domain, Iova) & ~(Page - 1);
            tenant.Unmap(Iova, Page);
            FillPtc(machine, tenant, table);

            using var domain = machine.CreateDomain(new DomainOptions());
            ((PagingDomain)domain).RootAddress.ShouldBe(table);
            domain.Map(Iova, Data, Page, Protection.Read | Protection.Write);
            var device = machine.Driver.GetDevice("avpc");
            machine.Filter = step => !isFlushed && step.Kind == MaintenanceKind.RegisterWrite && step.Address == TegraMc.PtcFlush;
            domain.Attach(device);
            machine.Filter = null;
            machine.CreateDma(device).Read(Iova, new byte[8]).IsComplete.ShouldBe(isFlushed);
        }
    }

    [Theory]
    [MemberData(nameof(SocsAndPolicies))]
    public void P14_a_mapping_without_rights_is_there_and_lets_nothing_through(string name, SyncPolicy policy)
    {
        using var machine = TegraMachine.Create(Cases.Soc(name));
        using var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = policy });
        tenant.Map(Iova, Data, 2 * Page, Protection.None);
        tenant.Flush();
        tenant.Domain.IovaToPhysical(Iova + Page).ShouldBe(Data + Page);
        tenant.ShouldSeeAround(Iova, 2 * Page);
        tenant.Touch(Iova).ShouldBeFalse();
        tenant.Domain.TryMap(Iova, Data, Page, Protection.Read).ShouldBe(IommuError.EEXIST);
        tenant.Unmap(Iova, 2 * Page);
        tenant.Flush();
        machine.Allocator.Outstanding.ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(SocsAndPolicies))]
    public void P15_sections_and_tables_replace_each_other(string name, SyncPolicy policy)
    {
        foreach (var release in Enum.GetValues<TableRelease>())
        {
            using var machine = TegraMachine.Create(
                Cases.Soc(name), new MachineSettings { UsesSuperpages = true }, tablePoolStart: Cases.TablePool(Cases.Soc(name)));
            using var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = policy, Release = release });
            for (int round = 0; round < 3; round++)
            {
                // Pages, then a section in their place, then pages again; neighbours are cached all the time.
                foreach (ulong address in (ulong[])[Data + Page, Data, Data + (3 * Page)])
                {
                    tenant.Touch(Iova + (7 * Page));
                    tenant.Map(Iova, address, Section);
                    tenant.Flush();
                    tenant.Domain.TryFind(Iova, out var mapping).ShouldBeTrue();
                    mapping.PageLog2.ShouldBe(address == Data ? 22 : 12);
                    tenant.ShouldSeeAround(Iova, Section);
                    tenant.Unmap(Iova, Section);
                    tenant.Flush();
                    tenant.ShouldSeeAround(Iova, Section);
                }
            }

            // The tables' memory is used again elsewhere, and read through what lines of it are still cached.
            tenant.Map(Iova + (8 * Section), Data + Page, 16 * Page);
            tenant.Flush();
            tenant.ShouldSeeAround(Iova + (8 * Section), 64 * Page);
        }
    }
}
