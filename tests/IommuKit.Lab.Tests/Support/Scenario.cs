using FsCheck;
using FsCheck.Fluent;
using IommuKit.Domains;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Tests.Support;

/// <summary>What a step of a random scenario does.</summary>
internal enum StepKind
{
    Map,
    MapList,
    MapSection,
    Unmap,
    Remap,
    Touch,
    Flush,
    WriteBack,
    Settle,
    Reattach,
}

/// <summary>A step of a random scenario.</summary>
internal sealed record Step(StepKind Kind, int Tenant, int Page, int Pages, int Extra);

/// <summary>Random maps, unmaps and DMA by several devices on one machine.</summary>
internal static class Scenario
{
    private const ulong Base = 0x4000_0000;

    public static Arbitrary<Step[]> Arbitrary()
    {
        // Around the starts and ends of tables, of lines and of groups.
        var page = Gen.OneOf(Gen.Choose(0, 40), Gen.Choose(1000, 1060), Gen.Choose(2030, 2070));
        var pages = Gen.Elements(1, 1, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 1024, 1100);
        var kind = Gen.Elements(
            StepKind.Map,
            StepKind.Map,
            StepKind.MapList,
            StepKind.MapSection,
            StepKind.Unmap,
            StepKind.Unmap,
            StepKind.Unmap,
            StepKind.Remap,
            StepKind.Touch,
            StepKind.Touch,
            StepKind.Flush,
            StepKind.WriteBack,
            StepKind.Settle,
            StepKind.Reattach);
        var step =
            from k in kind
            from t in Gen.Choose(0, 2)
            from p in page
            from n in pages
            from x in Gen.Choose(0, 1 << 20)
            select new Step(k, t, p, n, x);
        return Arb.From(step.ArrayOf(), Shrink);
    }

    /// <summary>Runs the steps and checks the devices' view after each.</summary>
    public static void Run(TegraSoc soc, SyncPolicy policy, TableRelease? release, bool usesSections, Step[] steps)
    {
        ulong pool = Cases.TablePool(soc);
        using var machine = TegraMachine.Create(
            soc, new MachineSettings { UsesSuperpages = usesSections, TablePool = 1 << 20 }, tablePoolStart: pool);

        // A fault's handler reads registers, which would complete what the driver forgot to.
        machine.Model!.Write32(TegraMc.IntMask, 0);

        // Table memory starts out full of what looks like entries.
        machine.Memory.CpuView.Span(pool, 1 << 20).Fill(0xe5);
        machine.Memory.WriteBack(pool, 1 << 20);
        var options = new DomainOptions { Policy = policy, Release = release, DeferredCapacity = 5 };
        RunOn(machine, pool, ["hc", "avpc", "hda"], options, steps);
        machine.Allocator.Outstanding.ShouldBe(0);
    }

    /// <summary>Runs the steps on three devices of a machine.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="pool">Where page tables lie.</param>
    /// <param name="devices">The devices.</param>
    /// <param name="options">The options of the domains.</param>
    /// <param name="steps">The steps.</param>
    /// <param name="least">What pages are mapped with that are to have no rights, as far as the format has such.</param>
    /// <param name="writing">What pages are mapped with that are to be written only, as far as the format has such.</param>
    public static void RunOn(
        Machine machine,
        ulong pool,
        string[] devices,
        DomainOptions options,
        Step[] steps,
        Protection least = Protection.None,
        Protection writing = Protection.Write)
    {
        Tenant[] tenants = [.. devices.Select(name => new Tenant(machine, name, options))];
        foreach (var step in steps)
        {
            Do(machine, tenants[step.Tenant], pool, step, least, writing);
        }

        foreach (var tenant in tenants)
        {
            tenant.Flush();
            foreach (ulong page in tenant.Pages.Keys.Take(200))
            {
                tenant.ShouldSee(page);
            }

            foreach (ulong page in tenant.Pages.Keys.Order().ToList())
            {
                // A section goes whole, and its other pages are gone then.
                tenant.Unmap(page, Tenant.Page);
            }

            tenant.Dispose();
        }
    }

    private static void Do(Machine machine, Tenant tenant, ulong pool, Step step, Protection least, Protection writing)
    {
        ulong iova = Base + ((ulong)step.Page * Tenant.Page);
        ulong size = (ulong)step.Pages * Tenant.Page;
        ulong address = 0x1000_0000ul + ((ulong)(step.Extra % 5000) * Tenant.Page);
        var protection = (step.Extra % 7) switch
        {
            0 => Protection.Read,
            1 => writing,
            2 => least,
            _ => Protection.Read | Protection.Write,
        };
        switch (step.Kind)
        {
            case StepKind.Map:
                tenant.Map(iova, address, size, protection);
                break;
            case StepKind.MapList:
                int count = Math.Min(step.Pages, 200);
                tenant.MapList(iova, [.. Enumerable.Range(0, count).Select(i => new PhysicalRange(
                    address + ((ulong)(i % 3 == 0 ? i : 2 * i) * Tenant.Page), Tenant.Page))]);
                break;
            case StepKind.MapSection:
                iova &= ~(Tenant.Section - 1);
                size = Tenant.Section * (1 + ((ulong)step.Extra % 2));
                tenant.Map(iova, 0x1000_0000 + ((ulong)(step.Extra % 4) * Tenant.Section), size);
                break;
            case StepKind.Unmap:
                tenant.Unmap(iova, size);
                break;
            case StepKind.Remap:
                tenant.Unmap(iova, Tenant.Page);
                tenant.Map(iova, address, Tenant.Page);
                break;
            case StepKind.Touch:
                for (int i = 0; i < 20; i++)
                {
                    tenant.Touch(iova + ((ulong)(i * 5) * Tenant.Page));
                }

                return;
            case StepKind.Flush:
                tenant.Flush();
                break;
            case StepKind.WriteBack:
                machine.Memory.WriteBack(pool + ((ulong)step.Extra % (1 << 19)), 4096);
                return;
            case StepKind.Settle:
                machine.SettleWrites();
                return;
            case StepKind.Reattach:
                tenant.Flush();
                tenant.Domain.Detach(tenant.Device);
                tenant.Domain.Attach(tenant.Device);
                break;
        }

        tenant.ShouldSeeAround(iova, size);
    }

    /// <summary>Leaves out halves, quarters … of the steps.</summary>
    private static IEnumerable<Step[]> Shrink(Step[] steps)
    {
        for (int length = steps.Length / 2; length > 0; length /= 2)
        {
            for (int start = 0; start + length <= steps.Length; start += length)
            {
                yield return [.. steps[..start], .. steps[(start + length)..]];
            }
        }
    }
}
