using IommuKit.Checker.Planted;
using IommuKit.Domains;
using IommuKit.PageTables;

namespace IommuKit.Checker.Tests;

/// <summary>Every planted bug is found where it is possible, happens in the model, and is called by its name.</summary>
public class PlantedBugTests
{
    public static TheoryData<string, string> All
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var bug in PlantedBugs.All)
            {
                foreach (var target in CheckTargets.Default.Where(target => Configurations(target).Any(bug.AppliesTo)))
                {
                    data.Add(bug.Name, target.Name);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_planted_bug_is_caught(string name, string iommu)
    {
        var bug = PlantedBugs.Find(name)!;
        var configuration = Configurations(CheckTargets.Find(iommu)!).First(bug.AppliesTo);
        var finding = CheckRunner.FindFirst(configuration, bug, CheckRunner.PlantedDepth).ShouldNotBeNull();
        finding.IsConfirmed.ShouldBeTrue(finding.Case.Text);
        bug.Expected.ShouldContain(finding.Verdict);
        finding.History.ShouldNotBeEmpty();

        // Without the bug there is nothing wrong with the same scenario.
        (finding.Case with { Bug = null }).Run().Violation.ShouldBeNull();
    }

    [Fact]
    public void A_bug_in_a_driver_that_is_itself_wrong_is_not_caught()
    {
        var bug = PlantedBugs.Find("unmap-tlb")!;
        var planted = PlantedResult.Of(bug, Configurations(CheckTargets.Find("tegra30")!).First(bug.AppliesTo));
        planted.Own.ShouldBeNull();
        planted.IsCaught.ShouldBeTrue();
        (planted with { Own = planted.Finding }).IsCaught.ShouldBeFalse();
    }

    [Fact]
    public void Every_bug_is_possible_somewhere() =>
        PlantedBugs.All.ShouldAllBe(bug => CheckTargets.Default.SelectMany(Configurations).Any(bug.AppliesTo));

    // Those with few accesses to the hardware first.
    private static IEnumerable<CheckConfiguration> Configurations(CheckTarget target) =>
        from policy in Enum.GetValues<SyncPolicy>().OrderBy(policy => policy == SyncPolicy.Gather ? 0 : policy == SyncPolicy.PerPage ? 2 : 1)
        from release in (TableRelease[])[TableRelease.WhenEmpty, TableRelease.WhenCovered, TableRelease.Never]
        select new CheckConfiguration(target, policy, release);
}
