using FsCheck;
using FsCheck.Fluent;
using IommuKit.Domains;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Tests.Replay;

/// <summary>Maintenance that is counted for neighbours of a page, against the same work with each page's own.</summary>
public class TallyTests
{
    private const ulong Page = 4096;
    private const ulong Start = 0x3ff0_0000;
    private const int Pages = 3000;

    public static TheoryData<string, bool> Kinds()
    {
        var kinds = new TheoryData<string, bool>();
        foreach (var kind in MachineCatalog.All)
        {
            kinds.Add(kind.Name, false);
            kinds.Add(kind.Name, true);
        }

        return kinds;
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Pages_cost_alike_where_a_machine_says_so(string kind, bool usesSuperpages) => Prop.ForAll(
        Gen.Choose(0, int.MaxValue).ToArbitrary(),
        seed =>
        {
            var settings = new MachineSettings { HasModel = false, IsShared = false, UsesSuperpages = usesSuperpages };
            using var tallied = MachineCatalog.Find(kind)!.Create(settings);
            using var watched = MachineCatalog.Find(kind)!.Create(settings);
            using var plain = MachineCatalog.Find(kind)!.Create(settings);
            var options = new DomainOptions { Policy = SyncPolicy.PerPage, SplitsPages = usesSuperpages };
            List<MaintenanceStep> steps = [];
            List<MaintenanceStep> own = [];
            using var talliedDomain = Attach(tallied, tallied.CreateTalliedDomain(options));
            using var watchedDomain = Attach(watched, watched.CreateTalliedDomain(options));
            using var plainDomain = Attach(plain, plain.CreateDomain(options));
            watched.Observer = steps.Add;
            plain.Observer = own.Add;
            var random = new Random(seed);
            for (int i = 0; i < 60; i++)
            {
                ulong iova = Start + ((ulong)random.Next(Pages) * Page);
                ulong size = (ulong)random.Next(1, random.Next(4) == 0 ? 1200 : 20) * Page;
                if (random.Next(3) != 0)
                {
                    var ranges = new PhysicalRange[random.Next(1, 4)];
                    foreach (ref var range in ranges.AsSpan())
                    {
                        range = new PhysicalRange((ulong)random.Next(1 << 18) * Page, size);
                    }

                    var error = plainDomain.TryMapScatterGather(iova, ranges, Protection.Read, out _);
                    talliedDomain.TryMapScatterGather(iova, ranges, Protection.Read, out _).ShouldBe(error);
                    watchedDomain.TryMapScatterGather(iova, ranges, Protection.Read, out _).ShouldBe(error);
                }
                else
                {
                    var error = plainDomain.TryUnmap(iova, size, out ulong bytes);
                    talliedDomain.TryUnmap(iova, size, out ulong talliedBytes).ShouldBe(error);
                    watchedDomain.TryUnmap(iova, size, out ulong watchedBytes).ShouldBe(error);
                    (talliedBytes, watchedBytes).ShouldBe((bytes, bytes));
                }

                tallied.Counts.ShouldBe(plain.Counts);
                watched.Counts.ShouldBe(plain.Counts);
            }

            // Somebody who looks sees every step.
            steps.ShouldBe(own);
            for (ulong page = 0; page < Pages + 1200; page += 7)
            {
                ulong iova = Start + (page * Page);
                talliedDomain.IovaToPhysical(iova).ShouldBe(plainDomain.IovaToPhysical(iova));
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(10));

    private static IommuDomain Attach(Machine machine, IommuDomain domain)
    {
        domain.Attach(machine.TestDevice);
        return domain;
    }
}
