using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
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
            foreach (var target in CheckTargets.Default)
            {
                foreach (var bug in PlantedBugs.Of(target).Where(bug => Configurations(target).Any(bug.AppliesTo)))
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
        var target = CheckTargets.Find(iommu)!;
        var bug = PlantedBugs.Find(target, name)!;
        var configuration = Configurations(target).First(bug.AppliesTo);
        var finding = CheckRunner.FindFirst(configuration, bug, CheckRunner.PlantedDepth).ShouldNotBeNull();
        finding.IsConfirmed.ShouldBeTrue(finding.Case.Text);
        bug.Expected.ShouldContain(finding.Verdict);
        finding.History.ShouldNotBeEmpty();

        // Without the bug there is nothing wrong with the same scenario.
        (finding.Case with { Bug = null }).Run().Violation.ShouldBeNull();
    }

    /// <summary>What is wrong is said as it is: not that something was left out where it was done in the wrong order, or to something else.</summary>
    [Theory]
    [InlineData("late-half", "vtd-server", Verdict.Order, "half stored")]
    [InlineData("late-half", "vtd-server-fs", Verdict.Order, "half stored")]
    [InlineData("torn-entry", "vtd-guest", Verdict.Order, "half stored")]
    [InlineData("torn-context", "smmuv3", Verdict.Order, "half stored")]
    [InlineData("detach-context", "vtd-server", Verdict.Missing, "was not dropped after the store")]
    [InlineData("detach-domain-id", "vtd-server", Verdict.WrongTarget, "under another domain or PASID")]
    [InlineData("pasid", "smmuv3-pasid", Verdict.WrongTarget, "under another domain or PASID")]
    [InlineData("attach-cfgi", "smmuv3", Verdict.Missing, "the device had no entry")]
    [InlineData("atc-pasid", "smmuv3-pasid-ats", Verdict.WrongTarget, "another PASID")]
    [InlineData("unmap-atc", "smmuv3-ats", Verdict.Missing, "was not told")]
    [InlineData("address-mask", "vtd-server", Verdict.Missing, "others than the page's")]
    [InlineData("unmap-iotlb", "vtd-server", Verdict.Missing, "was not dropped after the store")]
    [InlineData("first-line-cleaned", "vtd-client-nc", Verdict.Missing, "was not cleaned")]
    [InlineData("barrier", "vtd-client-nc", Verdict.Missing, "no barrier")]
    public void A_finding_is_named_by_what_is_wrong(string name, string iommu, Verdict verdict, string cause)
    {
        var target = CheckTargets.Find(iommu)!;
        var bug = PlantedBugs.Find(target, name)!;
        var finding = CheckRunner.FindFirst(Configurations(target).First(bug.AppliesTo), bug, CheckRunner.PlantedDepth)!;

        finding.Verdict.ShouldBe(verdict);
        finding.Cause.ShouldContain(cause);
    }

    [Fact]
    public void A_bug_in_a_driver_that_is_itself_wrong_is_not_caught()
    {
        var target = CheckTargets.Find("tegra30")!;
        var bug = PlantedBugs.Find(target, "unmap-tlb")!;
        var planted = PlantedResult.Of(bug, Configurations(target).First(bug.AppliesTo));
        planted.Own.ShouldBeNull();
        planted.IsCaught.ShouldBeTrue();
        (planted with { Own = planted.Finding }).IsCaught.ShouldBeFalse();
    }

    [Fact]
    public void Every_bug_is_possible_somewhere() =>
        CheckTargets.Default.SelectMany(PlantedBugs.Of).ShouldAllBe(bug => CheckTargets.Default.SelectMany(Configurations).Any(bug.AppliesTo));

    [Fact]
    public void Every_bug_of_a_target_has_a_name_of_its_own() =>
        CheckTargets.All.ShouldAllBe(target => PlantedBugs.Of(target).Select(bug => bug.Name).Distinct().Count() == PlantedBugs.Of(target).Count());

    [Fact]
    public void A_bug_that_is_harmless_to_a_driver_is_not_planted_in_it()
    {
        var target = CheckTargets.Find("tegra30")!;
        PlantedBugs.Of(target with { HarmlessBugs = ["wait"] }).ShouldBe(PlantedBugs.Of(target).Where(bug => bug.Name != "wait"));
        PlantedBugs.Find(target with { HarmlessBugs = ["wait"] }, "wait").ShouldBeNull();
    }

    // Those with few accesses to the hardware first.
    private static IEnumerable<CheckConfiguration> Configurations(CheckTarget target) =>
        from policy in Enum.GetValues<SyncPolicy>().OrderBy(policy => policy == SyncPolicy.Gather ? 0 : policy == SyncPolicy.PerPage ? 2 : 1)
        from release in (TableRelease[])[TableRelease.WhenEmpty, TableRelease.WhenCovered, TableRelease.Never]
        select new CheckConfiguration(target, policy, release);
}
