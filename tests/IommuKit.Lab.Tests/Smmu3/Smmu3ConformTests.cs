using IommuKit.Lab.Conform;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Tests.Vtd;

namespace IommuKit.Lab.Tests.Smmu3;

/// <summary>
/// Boots of Linux on QEMU: every register and every access of each snapshot, event records included. Where QEMU is known to be wrong, the
/// architecture is
/// the judge; how often that is, is counted here.
/// </summary>
public sealed class Smmu3ConformTests
{
    private const string BeyondRange = "the recorder records nothing of an address beyond the input range of stage 2";
    private const string BeyondIpa = "the recorder records nothing of an address that is wider than an IPA";
    private const string TooWide = "the recorder passes addresses through that are wider than physical ones";
    private const string LowIpa = "the recorder tells the low 12 bits of an IPA, where the record has zeros";
    private const string OfAttach = "the recorded group is of an attach, which the recording has under the next unmap";
    private const string DeniedByTlb = "the recorder records nothing of a write that its TLB denies";

    [SharedTheory]
    [InlineData("s-612-strict", 2318, 0, 0, 0, 7, 0)]
    [InlineData("s-612-16k", 2642, 0, 0, 0, 5, 0)]
    [InlineData("s-612-pt", 1998, 0, 0, 0, 94, 0)]
    [InlineData("s-612-s2", 2314, 0, 247, 0, 6, 469)]
    [InlineData("s-72-16k-s2", 2647, 0, 390, 3, 4, 773)]
    [InlineData("s-72-lazy", 2319, 0, 0, 0, 7, 0)]
    public void A_recorded_boot_agrees(string boot, int probes, int beyondRange, int beyondIpa, int deniedByTlb, int tooWide, int lowIpa)
    {
        var result = ConformRunner.Run(new RecordedBoot(RepositoryFiles.InShared("vectors", "smmuv3-linux", boot)), [Smmu3Conform.Instance]);
        result.Differences.Where(difference => difference.Known is null).Take(10).ShouldBeEmpty();
        result.Unknown.ShouldBe(0);
        result.Probes.ShouldBe(probes);
        result.Differences.Count(difference => difference.Known == BeyondRange).ShouldBe(beyondRange);
        result.Differences.Count(difference => difference.Known == BeyondIpa).ShouldBe(beyondIpa);
        result.Differences.Count(difference => difference.Known == DeniedByTlb).ShouldBe(deniedByTlb);
        result.Differences.Count(difference => difference.Known == TooWide).ShouldBe(tooWide);
        result.Differences.Count(difference => difference.Known == LowIpa).ShouldBe(lowIpa);
        result.Agree.ShouldBe(probes - beyondRange - beyondIpa - deniedByTlb - tooWide - lowIpa);
        result.Snapshots.ShouldBe(11);
        result.Registers.ShouldBe(11 * 21);
    }

    /// <summary>
    /// Our driver's commands for the maps and unmaps of the recorded kernel, under that kernel's preset. Left out are unmaps of the flush queue, and those
    /// of domains that the kernel had detached.
    /// </summary>
    [SharedTheory]
    [InlineData("s-612-strict", 1323, 1321, 25, 2)]
    [InlineData("s-612-16k", 551, 549, 15, 2)]
    [InlineData("s-612-pt", 72, 72, 0, 0)]
    [InlineData("s-612-s2", 1000, 998, 25, 2)]
    [InlineData("s-72-16k-s2", 510, 509, 33, 1)]
    [InlineData("s-72-lazy", 80, 80, 797, 0)]
    public void Our_driver_issues_the_recorded_commands(string boot, int groups, int equal, int leftOut, int ofAttach)
    {
        var result = ConformRunner.Run(new RecordedBoot(RepositoryFiles.InShared("vectors", "smmuv3-linux", boot)), [Smmu3Conform.Instance]);
        result.Differences.Where(difference => difference.Known is null).Take(3).ShouldBeEmpty();
        result.Unknown.ShouldBe(0);
        (result.Groups, result.GroupsEqual, result.GroupsLeftOut).ShouldBe((groups, equal, leftOut));
        result.Differences.Count(difference => difference.Known == OfAttach).ShouldBe(ofAttach);
    }

    [SharedFact]
    public void Another_command_than_the_recorded_one_is_found()
    {
        using var folder = new BootFolder(RepositoryFiles.InShared("vectors", "smmuv3-linux", "s-612-pt"), withEvents: true);
        int changed = folder.Replace("oracle.txt", "num=6 scale=0", "num=5 scale=0");
        changed.ShouldBeGreaterThan(0);
        var result = ConformRunner.Run(new RecordedBoot(folder.Path), [Smmu3Conform.Instance]);
        result.Groups.ShouldBe(72);
        result.GroupsEqual.ShouldBe(72 - changed);
        result.Unknown.ShouldBe(changed);
        var found = result.Differences.First(difference => difference.Known is null);
        found.Snapshot.ShouldBe("36 unmap 1 0x7fffffc000 0x7000");
        found.Line.ShouldBe("line 199: unmap 0x7fffffc000, 4096 bytes");
        found.Expected.ShouldContain("num=5 scale=0");
        found.Seen.ShouldContain("num=6 scale=0");
    }
}
