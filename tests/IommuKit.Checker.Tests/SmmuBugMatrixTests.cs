using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
using IommuKit.Domains;
using IommuKit.PageTables;

namespace IommuKit.Checker.Tests;

/// <summary>
/// Every bug that is planted in any SMMU is caught on every SMMU, or it is said here why that one cannot have it: a target that is new, or a bug, has
/// to be given its place.
/// </summary>
public class SmmuBugMatrixTests
{
    private const string Smmu2 = "smmuv1-v7s smmuv2 smmuv2-nc smmuv2-s2";
    private const string Coherent =
        "smmuv1-v7s smmuv2 smmuv2-s2 smmuv3 smmuv3-s2 smmuv3-nested smmuv3-twice smmuv3-two-level "
        + "smmuv3-pasid smmuv3-ats smmuv3-pasid-ats smmuv3-16k smmuv3-64k-s2 smmuv3-tuned";
    private const string WithoutAts =
        "smmuv3 smmuv3-s2 smmuv3-nc smmuv3-nested smmuv3-twice smmuv3-two-level smmuv3-pasid smmuv3-16k smmuv3-64k-s2 smmuv3-tuned";
    private const string SecondStage = "smmuv3-s2 smmuv3-nested smmuv3-64k-s2";
    private const string FirstStageOnly =
        "smmuv3 smmuv3-nc smmuv3-twice smmuv3-two-level smmuv3-pasid smmuv3-ats smmuv3-pasid-ats smmuv3-16k smmuv3-tuned";

    private static readonly CheckTarget[] Targets =
        [.. CheckTargets.All.Where(target => target.Name.StartsWith("smmuv", StringComparison.Ordinal))];

    // The targets of the first list cannot have the bugs of the second, for a reason. A star stands for all names that begin so.
    private static readonly (string Targets, string Bugs, string Reason)[] Impossible =
    [
        // Commands of a queue, and registers.
        (Smmu2, "unmap-tlbi tag queue-reuse", "it has no queue: unmap-tlb, asid or bank, and deferred-reuse are the same of its registers"),
        ("smmuv3*", "unmap-tlb deferred-reuse scatter-reuse", "it invalidates by its queue: unmap-tlbi and queue-reuse are the same of that"),
        ("smmuv3*", "asid bank", "it invalidates by its queue: tag is the same of that"),
        ("smmuv3*", "first-tlb-group", "it invalidates by its queue: first-small-range is the same of that"),
        ("smmuv3*", "table-first-page", "it invalidates by its queue: leaf-with-table and early-table are the same of that"),
        ("smmuv2-s2", "asid", "stage 2 has no ASIDs: bank is the same of a VMID"),
        ("smmuv1-v7s smmuv2 smmuv2-nc", "bank", "at stage 1 an invalidation names its ASID in every bank: asid is the same of that"),

        // What the walker does.
        (Coherent, "map-clean unmap-clean first-line-cleaned barrier", "walks snoop: nothing is cleaned"),

        // How much an invalidation is for.
        (Smmu2, "range-num range-scale first-small-range", "an invalidation is for a page or for everything: first-tlb-group is the same of pages"),
        ("smmuv3-nc", "range-num range-scale", "it has no invalidation of ranges"),
        ("smmuv3-tuned", "range-scale", "from as many pages on as one would round, everything is dropped"),
        (Smmu2 + " smmuv3-nc smmuv3-tuned", "leaf-with-table", "a table that goes takes its ASID or VMID with it, which has no form for leaves"),
        ("smmuv2-s2", "table-first-page", "a table that goes takes its VMID with it, by a register that names no page: see early-table"),
        (FirstStageOnly[..^" smmuv3-tuned".Length] + " smmuv3-s2 smmuv3-nested smmuv3-64k-s2",
            "live-block", "its domains have pages of one size: no block is there"),
        (Smmu2, "live-block", "its domains have pages of one size: that one page names a block is not told apart"),

        // What steers a stream.
        (Smmu2, "attach-cfgi attach-cfgi-cd pasid issued-once", "what steers a stream is in registers, of which nothing is remembered"),
        (Smmu2, "torn-context torn-stream early-pointer", "what steers a stream is in registers, not in entries of several words in memory"),
        (Smmu2 + " smmuv3 smmuv3-s2 smmuv3-nc smmuv3-twice smmuv3-two-level smmuv3-pasid smmuv3-ats smmuv3-pasid-ats smmuv3-16k smmuv3-64k-s2 "
            + "smmuv3-tuned", "ipa-only", "no guest's stage is combined with the domain's"),
        (SecondStage, "torn-context", "the domain's table is in the stream table entry: torn-stream is the same of that"),
        (FirstStageOnly, "torn-stream", "without a stage 2 all that leads to a table is in one quadword of it: see torn-context"),
        ("smmuv3-pasid smmuv3-pasid-ats", "attach-cfgi", "of a PASID that gets a domain the context descriptor changes: see attach-cfgi-cd"),
        (WithoutAts[..WithoutAts.IndexOf(" smmuv3-pasid", StringComparison.Ordinal)] + " smmuv3-ats smmuv3-16k smmuv3-64k-s2 smmuv3-tuned",
            "attach-cfgi-cd pasid", "devices have no PASIDs: attach-cfgi is the same of streams"),
        ("smmuv3 smmuv3-s2 smmuv3-nc smmuv3-nested smmuv3-twice smmuv3-pasid smmuv3-ats smmuv3-pasid-ats smmuv3-16k smmuv3-64k-s2 smmuv3-tuned",
            "early-pointer", "its stream table has one level"),
        ("smmuv3 smmuv3-s2 smmuv3-nc smmuv3-nested smmuv3-two-level smmuv3-pasid smmuv3-ats smmuv3-pasid-ats smmuv3-16k smmuv3-64k-s2 smmuv3-tuned",
            "issued-once", "once is enough where there is no erratum"),

        // What devices keep.
        (Smmu2, "atc-first atc-pasid atc-size detach-atc unmap-atc", "an SMMUv2 has no ATS"),
        (WithoutAts, "atc-first atc-pasid atc-size detach-atc unmap-atc", "devices keep nothing, without ATS"),
        ("smmuv3-ats", "atc-pasid", "its devices have no PASIDs"),
    ];

    public static TheoryData<string> Bugs =>
        [.. Targets.SelectMany(target => Configurations(target).SelectMany(PlantedBugs.Of)).Select(bug => bug.Name).Distinct().Order()];

    [Theory]
    [MemberData(nameof(Bugs))]
    public void A_bug_is_caught_on_every_SMMU_that_can_have_it(string bug)
    {
        foreach (var target in Targets)
        {
            var reasons = Impossible.Where(one => Names(one.Bugs, bug) && Names(one.Targets, target.Name)).Select(one => one.Reason).ToList();
            var result = Plant(target, bug);
            if (result is null)
            {
                reasons.Count.ShouldBe(1, $"{bug} on {target.Name} is not planted, for {reasons.Count} reasons");
            }
            else
            {
                reasons.ShouldBeEmpty($"{bug} on {target.Name} is planted");
                result.IsCaught.ShouldBeTrue($"{bug} on {target.Name}: {result.Finding?.Verdict}");
            }
        }
    }

    private static PlantedResult? Plant(CheckTarget target, string name) =>
        PlantedBugs.Find(target, name) is { } bug && Configurations(target).FirstOrDefault(bug.AppliesTo) is { } configuration
            ? PlantedResult.Of(bug, configuration)
            : null;

    // Under the policy that has the fewest accesses in an operation first.
    private static IEnumerable<CheckConfiguration> Configurations(CheckTarget target) =>
        from policy in Enum.GetValues<SyncPolicy>().OrderBy(policy => policy == SyncPolicy.Gather ? 0 : policy == SyncPolicy.PerPage ? 2 : 1)
        from release in (TableRelease[])[TableRelease.WhenEmpty, TableRelease.WhenCovered, TableRelease.Never]
        select new CheckConfiguration(target, policy, release);

    private static bool Names(string patterns, string name) => patterns.Split(' ').Any(pattern => pattern.EndsWith('*')
        ? name.StartsWith(pattern[..^1], StringComparison.Ordinal)
        : name == pattern);
}
