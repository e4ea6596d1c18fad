using IommuKit.Lab.Conform;
using IommuKit.Lab.Iommus.Vtd;

namespace IommuKit.Lab.Tests.Vtd;

/// <summary>
/// Boots of Linux on QEMU: every register and every access of each snapshot, fault records included. Where QEMU is known to be wrong, the architecture is
/// the judge; how often that is, is counted here.
/// </summary>
public sealed class VtdConformTests
{
    private const string LetPass = "the recorder let an access pass by a translation that was no more in the tables";
    private const string LegacyReason = "the recorder reports scalable mode by a reason of legacy mode";

    [SharedTheory]
    [InlineData("s-612-legacy", 2197, 0, 0)]
    [InlineData("s-612-cm39", 2167, 0, 0)]
    [InlineData("s-72-legacy-pt", 1345, 0, 0)]
    [InlineData("s-72-ats", 2204, 0, 0)]
    [InlineData("s-72-sm-fs", 2143, 9, 44)]
    public void A_recorded_boot_agrees(string boot, int probes, int letPass, int legacyReasons)
    {
        var result = ConformRunner.Run(new RecordedBoot(RepositoryFiles.InShared("vectors", "vtd-linux", boot)), [VtdConform.Instance]);
        result.Differences.Where(difference => difference.Known is null).Take(10).ShouldBeEmpty();
        result.Unknown.ShouldBe(0);
        result.Snapshots.ShouldBe(11);
        result.Registers.ShouldBe(11 * 17);
        result.Probes.ShouldBe(probes);
        result.Differences.Count(difference => difference.Known == LetPass).ShouldBe(letPass);
        result.Differences.Count(difference => difference.Known == LegacyReason).ShouldBe(legacyReasons);
        result.Agree.ShouldBe(probes - letPass - legacyReasons);
    }
}
