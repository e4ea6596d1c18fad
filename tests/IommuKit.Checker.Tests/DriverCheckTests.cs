using IommuKit.Checker.Scenarios;
using IommuKit.Domains;
using IommuKit.PageTables;

namespace IommuKit.Checker.Tests;

/// <summary>No flush is missing in any driver, under any policy.</summary>
public class DriverCheckTests
{
    private const int Seeds = 6;
    private const int Length = 40;

    public static TheoryData<string, SyncPolicy> All
    {
        get
        {
            var data = new TheoryData<string, SyncPolicy>();
            foreach (var target in CheckTargets.All)
            {
                foreach (var policy in Enum.GetValues<SyncPolicy>())
                {
                    data.Add(target.Name, policy);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Two_operations_leave_nothing_stale(string iommu, SyncPolicy policy)
    {
        foreach (var release in Enum.GetValues<TableRelease>())
        {
            CheckRunner.FindFirst(new CheckConfiguration(CheckTargets.Find(iommu)!, policy, release), bug: null, depth: 2).ShouldBeNull();
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Random_operations_leave_nothing_stale_and_the_model_does_nothing_unforeseen(string iommu, SyncPolicy policy)
    {
        var target = CheckTargets.Find(iommu)!;
        foreach (var release in Enum.GetValues<TableRelease>())
        {
            var configuration = new CheckConfiguration(target, policy, release);
            for (int seed = 0; seed < Seeds; seed++)
            {
                var random = new Random(seed);
                var operations = RandomScenario.Create(SmallScope.Alphabet(configuration), target.Layout, Length, random);
                var outcome = new CheckCase(configuration, null, operations).Run(between: (machine, _) =>
                {
                    int device = random.Next(machine.Domains.Count);
                    int page = random.Next(target.Layout.Pages.Count);
                    if (machine.Checker.IsAttached(device))
                    {
                        ulong? address = machine.Access(device, target.Layout.Pages[page], isWrite: true);
                        machine.Checker.Foresees(device, page, address).ShouldBeTrue($"{configuration}, seed {seed}: 0x{address:x}");
                    }
                });
                outcome.Violation.ShouldBeNull();
                outcome.IsExhausted.ShouldBeFalse();
            }
        }
    }

    [Fact]
    public void Interruptions_leave_nothing_stale()
    {
        foreach (string iommu in (string[])["tegra30", "tegra210", "arm-lpae-4k-s1-noncoherent-negative"])
        {
            var configuration = new CheckConfiguration(CheckTargets.Find(iommu)!, SyncPolicy.Gather, TableRelease.WhenCovered);
            int count = 0;
            foreach (var scenario in Interleavings.All(configuration, bug: null, depth: 2))
            {
                scenario.Run().Violation.ShouldBeNull(scenario.Text);
                count++;
            }

            count.ShouldBeGreaterThan(100);
        }
    }

    /// <summary>What the checker found when it was new; see ExplicitTests.</summary>
    [Fact]
    public void An_unmap_below_a_table_that_is_new_since_the_last_flush()
    {
        var configuration = new CheckConfiguration(CheckTargets.Find("x86-64-noncoherent")!, SyncPolicy.Explicit, TableRelease.Never);
        CheckCase.TryParse("map:0:20f000+12000:0,unmap:0:210000+10000,flush:0", out var operations, out _).ShouldBeTrue();
        new CheckCase(configuration, null, operations).Run().Violation.ShouldBeNull();
    }
}
