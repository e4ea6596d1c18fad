using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Lab.Tests.Support;
using IommuKit.PageTables;

namespace IommuKit.Checker.Tests;

/// <summary>What maps and unmaps need comes out of running them, not of rules about traits.</summary>
public class NeedsTests
{
    [Fact]
    public void A_coherent_walker_that_never_remembers_what_is_not_present_needs_nothing_on_map_and_only_the_TLB_on_unmap()
    {
        var needs = DirectionNeeds.Of(CheckTargets.Find("x86-64-coherent")!);
        needs.Map.Total.ShouldBe(0);
        needs.Unmap.ShouldBe(new LeastWork(0, 0, 0, 1, 0));
        needs.MapSplit.Total.ShouldBe(0);
    }

    [Fact]
    public void A_flush_without_direction_wastes_an_invalidation_on_map_there()
    {
        var needs = DirectionNeeds.Of(CheckTargets.Find("x86-64-coherent")!);
        needs.MapUndirected.TranslationDrops.ShouldBe(1);
        needs.MapUndirected.Wasted.ShouldBe(1);
        DirectionNeeds.Of(CheckTargets.Find("x86-64-coherent-negative")!).MapUndirected.Wasted.ShouldBe(0);
    }

    [Theory]
    [MemberData(nameof(Cases.Socs), MemberType = typeof(Cases))]
    public void On_a_Tegra_map_and_unmap_need_the_same_lines_and_groups(string soc)
    {
        var target = CheckTargets.Find(soc)!;
        var needs = DirectionNeeds.Of(target);
        needs.Map.ShouldBe(needs.Unmap);
        needs.MapUndirected.Wasted.ShouldBe(0);

        // Entries 15 to 32 of a table, of 4 bytes each.
        needs.Map.Cleans.ShouldBe(Blocks(64));
        needs.Map.TableCacheDrops.ShouldBe(Blocks(Cases.Soc(soc).AtomBytes));
        needs.Map.TranslationDrops.ShouldBe(Blocks(Cases.Soc(soc).TlbGroupBytes / 4096 * 4));
        needs.Map.Waits.ShouldBe(1);

        static long Blocks(int bytes) => (32 * 4 / bytes) - (15 * 4 / bytes) + 1;
    }

    [Fact]
    public void What_is_done_twice_is_for_nothing()
    {
        var configuration = new CheckConfiguration(CheckTargets.Find("tegra210")!, SyncPolicy.Gather, TableRelease.Never);
        CheckCase.TryParse("map:0:7ff000+3000:0,map:0:40f000+12000:1", out var operations, out _).ShouldBeTrue();
        var once = new WasteCounts();
        new CheckCase(configuration, null, operations).Run(waste: once, measuredFrom: 1);
        once.Wasted.ShouldBe(0);
        var twice = new WasteCounts();
        new CheckCase(configuration, Twice.Bug, operations).Run(waste: twice, measuredFrom: 1);
        twice.TableCacheDropsOfCurrent.ShouldBe(once.TableCacheDrops);
        twice.TranslationDropsOfCurrent.ShouldBe(once.TranslationDrops);
        twice.BarriersAfterNothing.ShouldBe(once.Barriers);
        twice.WaitsForNothing.ShouldBe(once.Waits);
    }

    [Fact]
    public void The_least_does_not_depend_on_the_policy()
    {
        var target = CheckTargets.Find("tegra124")!;
        CheckCase.TryParse("map:0:40f000+12000:0,unmap:0:410000+1000,unmap:0:40f000+12000", out var operations, out _).ShouldBeTrue();
        LeastWork[] least =
        [
            .. ((SyncPolicy[])[SyncPolicy.PerPage, SyncPolicy.RangeFlush, SyncPolicy.SplitSync, SyncPolicy.Gather]).Select(policy =>
                new CheckCase(new CheckConfiguration(target, policy, TableRelease.Never), null, operations).Run(waste: new WasteCounts()).Least),
        ];
        least[0].Total.ShouldBeGreaterThan(0);
        least.ShouldAllBe(one => one == least[0]);
    }
}
