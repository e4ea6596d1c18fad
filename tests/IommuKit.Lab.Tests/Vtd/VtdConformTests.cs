using IommuKit.Lab.Conform;
using IommuKit.Lab.Iommus.Vtd;

namespace IommuKit.Lab.Tests.Vtd;

/// <summary>
/// Boots of Linux on QEMU: every register and every access of each snapshot, fault records included. Where QEMU is known to be wrong, the
/// architecture is the judge; how often that is, is counted here.
/// </summary>
public sealed class VtdConformTests
{
    private const string LetPass = "the recorder let an access pass by a translation that was no longer in the tables";
    private const string LegacyReason = "the recorder reports scalable mode by a reason of legacy mode";

    [SharedTheory]
    [InlineData("s-612-legacy", 2196)]
    [InlineData("s-612-cm39", 2127)]
    [InlineData("s-72-ats", 2204)]
    public void A_recorded_boot_agrees_in_everything(string boot, int probes) =>
        Compare(RepositoryFiles.InShared("vectors", "vtd-linux", boot), probes, letPass: 0, legacyReasons: 0);

    /// <summary>These two are in the repository too.</summary>
    [Theory]
    [InlineData("s-72-legacy-pt", 1334, 0, 0)]
    [InlineData("s-72-sm-fs", 2168, 9, 44)]
    public void A_boot_of_the_repository_agrees(string boot, int probes, int letPass, int legacyReasons) =>
        Compare(RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots", boot), probes, letPass, legacyReasons);

    /// <summary>
    /// QEMU answered from an IOTLB entry whose invalidation was lost (a mask beyond MAMV, see VtdQueueTests), and passed a device through that had
    /// been attached to a domain again. By the architecture both have no translation: first stage, 71h.
    /// </summary>
    [Fact]
    public void What_QEMU_let_pass_has_no_translation()
    {
        var result = Run(RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots", "s-72-sm-fs"));
        var letPass = result.Differences.Where(difference => difference.Known == LetPass).ToArray();
        letPass.ShouldAllBe(difference => difference.Seen.StartsWith("fault 113 ", StringComparison.Ordinal));
        letPass.Count(difference => difference.Line.Contains("iova=8000000000 ", StringComparison.Ordinal)).ShouldBe(6);
        letPass.Count(difference => difference.Snapshot == "final").ShouldBeGreaterThanOrEqualTo(3);
    }

    /// <summary>The comparison finds what is wrong: one bit of an answer, of a record, or of a register.</summary>
    [Theory]
    [InlineData("pa=", "pa=1")]
    [InlineData("perm=rw", "perm=r")]
    [InlineData("shift=12", "shift=13")]
    [InlineData("fault 6", "fault 5")]
    [InlineData("record=00", "record=01")]
    [InlineData("-> irq", "-> ok pa=0")]
    public void A_wrong_answer_is_found(string right, string wrong)
    {
        using var boot = new BootFolder(RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots", "s-72-legacy-pt"));
        int changed = boot.Replace("translations.txt", right, wrong);
        changed.ShouldBeGreaterThan(0);
        var result = Run(boot.Path);
        result.Unknown.ShouldBe(changed);
        result.Agree.ShouldBe(result.Probes - changed);
    }

    [Fact]
    public void A_wrong_register_is_found()
    {
        using var boot = new BootFolder(RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots", "s-72-legacy-pt"));
        boot.Replace("pages.txt", "S 34 4 0 FSTS", "S 34 4 2 FSTS").ShouldBe(11);
        var result = Run(boot.Path);
        result.Unknown.ShouldBe(11);
        result.Differences.ShouldAllBe(difference => difference.Line == "FSTS" && difference.Expected == "2" && difference.Seen == "0");
    }

    /// <summary>
    /// The descriptors of our driver, under Linux's preset, for the maps and unmaps of the recorded kernel: those of each unmap alike to the bit, but for
    /// where a wait stores; on the first stage, and with device TLBs too. In caching mode those of maps as well, by their order: what one page of the
    /// recorded guest's scatter lists has is what the whole list has.
    /// </summary>
    [SharedTheory]
    [InlineData("s-612-legacy", 463, 462, 60, " of a detach,")]
    [InlineData("s-72-legacy-pt", 39, 39, 720, "")]
    [InlineData("s-72-ats", 230, 230, 459, "")]
    [InlineData("s-72-sm-fs", 696, 694, 433, "the recorded ")]
    [InlineData("s-612-cm39", 4721, 4721, 125, "")]
    public void Our_driver_issues_the_recorded_descriptors(string boot, int groups, int equal, int leftOut, string known)
    {
        var result = Run(RepositoryFiles.InShared("vectors", "vtd-linux", boot));
        (result.Groups, result.GroupsEqual, result.GroupsLeftOut).ShouldBe((groups, equal, leftOut));
        result.Differences.Count(difference => difference.Line.Contains("unmap ") && difference.Known!.Contains(known))
            .ShouldBe(groups - equal);
        result.Unknown.ShouldBe(0);
    }

    private static ConformResult Run(string folder) => ConformRunner.Run(new RecordedBoot(folder), [VtdConform.Instance]);

    private static void Compare(string folder, int probes, int letPass, int legacyReasons)
    {
        var result = Run(folder);
        result.Differences.Where(difference => difference.Known is null).Take(10).ShouldBeEmpty();
        result.Unknown.ShouldBe(0);
        result.Iommu.ShouldBe("vtd");
        result.Snapshots.ShouldBe(11);
        result.Registers.ShouldBe(11 * 17);
        result.Probes.ShouldBe(probes);
        result.Differences.Count(difference => difference.Known == LetPass).ShouldBe(letPass);
        result.Differences.Count(difference => difference.Known == LegacyReason).ShouldBe(legacyReasons);
        result.Agree.ShouldBe(probes - letPass - legacyReasons);
    }
}
