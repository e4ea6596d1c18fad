using IommuKit.Analysis.Verdict;
using IommuKit.Traces;

namespace IommuKit.Analysis.Tests.Verdict;

/// <summary>What is said of a trace without maps, without unmaps, or in which a flush is as it has to be: no more than is in it.</summary>
public sealed class OneSidedTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    private static string Sample => RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz");

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Without_unmaps_nothing_is_judged_but_what_is_there()
    {
        var verdict = JudgedWithout(" unmap: ");

        verdict.Audit.WhyOneSided.ShouldBe(ForeignForms.OnlyMaps);
        verdict.Flushes.ShouldBe(1581);
        verdict.Waste.ShouldBeEmpty();
        verdict.Options.Select(option => option.Flushes).ShouldBe([1581, null, null, null]);
        verdict.Advice.Single().Id.ShouldBe("record-both");
    }

    [Fact]
    public void Without_maps_bursts_and_ranges_are_not_known()
    {
        var verdict = JudgedWithout(" map: ");

        verdict.Audit.WhyOneSided.ShouldBe(ForeignForms.OnlyUnmaps);
        verdict.Waste.ShouldAllBe(waste => waste.Finding.Id == "range-rounded-up" || waste.Finding.Id == "whole-domain-invalidated");
        verdict.Options.Where(option => option.Flushes is null).Select(option => option.Kind).ShouldBe([FlushOptionKind.Range, FlushOptionKind.Burst]);
        verdict.Advice.Single().Id.ShouldBe("record-both");
    }

    [Fact]
    public void What_was_recorded_with_both_is_judged()
    {
        var verdict = JudgedWithout(" nothing of this ");

        verdict.Audit.WhyOneSided.ShouldBeNull();
        verdict.Waste.ShouldContain(waste => waste.Finding.Id == "not-batched");
        verdict.Options.ShouldAllBe(option => option.Flushes != null);
    }

    [Fact]
    public void Whole_domains_are_no_waste_in_lazy_mode()
    {
        var verdict = Judge.Run(RepositoryFiles.InRepository("samples", "e1000e-counter-lazy-qi.trace.gz"));

        verdict.Audit.Findings.ShouldContain(finding => finding.Id == "whole-domain-invalidated");
        verdict.Waste.ShouldBeEmpty();
    }

    /// <summary>In caching mode most flushes follow maps, and no burst of unmaps has them.</summary>
    [Fact]
    public void What_saves_next_to_nothing_is_not_advised()
    {
        var verdict = Judge.Run(RepositoryFiles.InRepository("samples", "vfio-edu-cm.trace.gz"));

        verdict.ShareOfTime!.Value.ShouldBeGreaterThan(0.01);
        verdict.Advice.Select(advice => advice.Id).Take(2).ShouldBe(["nothing", "caching-mode"]);
        verdict.Advice[0].Change.ShouldContain("would save 0.1");
    }

    [Theory]
    [InlineData("iommu: DMA domain TLB invalidation policy: strict mode (set via kernel command line)", "strict")]
    [InlineData("iommu: DMA domain TLB invalidation policy: lazy mode", "lazy")]
    [InlineData("AMD-Vi: Lazy IO/TLB flushing enabled", "lazy")]
    [InlineData("AMD-Vi: IO/TLB flush on unmap enabled", "strict")]
    [InlineData("iommu: Default domain type: Translated", null)]
    public void The_mode_is_what_the_kernel_said(string message, string? mode) => ModeOf(message).ShouldBe(mode);

    [Fact]
    public void A_driver_that_may_not_be_lazy_is_right()
    {
        const string policy = "iommu: DMA domain TLB invalidation policy: lazy mode";
        ModeOf("AMD-Vi: Using strict mode due to virtualization", policy).ShouldBe("strict");
        ModeOf(policy, "DMAR: IOMMU batching disallowed due to virtualization").ShouldBe("strict");
    }

    private string? ModeOf(params string[] messages)
    {
        File.WriteAllLines(
            _file,
            [
                .. messages.Select(message => $" swapper/0-1 [000] .... 0.000001: console: {message}"),
                " dd-1 [000] .... 1.000000: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096",
            ]);
        return Judge.Run(_file).RecordedMode;
    }

    private VerdictResult JudgedWithout(string what)
    {
        using var text = new StreamReader(new System.IO.Compression.GZipStream(File.OpenRead(Sample), System.IO.Compression.CompressionMode.Decompress));
        File.WriteAllLines(
            _file,
            text.ReadToEnd().Split('\n').Where(line =>
                !line.Contains(what, StringComparison.Ordinal) && !line.StartsWith("# entries-in-buffer", StringComparison.Ordinal)));
        return Judge.Run(_file);
    }
}
