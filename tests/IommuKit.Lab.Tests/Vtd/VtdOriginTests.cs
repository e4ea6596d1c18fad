using IommuKit.Lab.Iommus;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Replay;
using IommuKit.Traces;
using IommuKit.Traces.Audit;

namespace IommuKit.Lab.Tests.Vtd;

/// <summary>The machine and the rules that a trace of VT-d is replayed on are those that show in it.</summary>
public sealed class VtdOriginTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("vfio-edu", "vtd-server")]
    [InlineData("vfio-edu-cm", "vtd-guest")]
    [InlineData("e1000e-counter-lazy-qi", "vtd-server")]
    public void Samples_are_taken_for_what_shows_in_them(string sample, string kind)
    {
        string path = RepositoryFiles.InRepository("samples", $"{sample}.trace.gz");
        TraceOrigin.Find(path).KindIn(MachineCatalog.All)!.Name.ShouldBe(kind);
        (Auditor.Run(path).CachingMode == CachingMode.On).ShouldBe(kind == "vtd-guest");
    }

    [SharedTheory]
    [InlineData("vfio-edu/trace.dat", "vtd-server", "linux-6.1")]
    [InlineData("boot-multi/trace.dat", "vtd-server", "linux-6.1")]
    [InlineData("vfio-edu-cm/trace.gz", "vtd-guest", "linux-6.12")]
    public void Captures_are_taken_for_what_shows_in_them(string capture, string kind, string rules)
    {
        var origin = TraceOrigin.Find(RepositoryFiles.InShared("traces", capture));
        origin.KindIn(MachineCatalog.All)!.Name.ShouldBe(kind);
        VtdTuning.Rules.Text(VtdTuning.Rules.RecordedBy!(origin.Kernel)).ShouldBe(rules);
    }

    /// <summary>Descriptors by the VT-d specification, section 6.5.2: types 1, 2, 3 and 6, granularity in bits 5:4, domain in 31:16.</summary>
    [Theory]
    [InlineData("qi_submit: iotlb_inv dmar0: 0x500e2 0x0 0x0 0x0", "", "vtd-server")]
    [InlineData("qi_submit: cc_inv dmar0: 0x1800050031 0x0 0x0 0x0", "", "vtd-server")]
    [InlineData("qi_submit: cc_inv dmar0: 0x1800000031 0x0 0x0 0x0", "caching mode", "vtd-guest")]
    [InlineData("qi_submit: cc_inv dmar0: 0x11 0x0 0x0 0x0", "", "vtd-server")]
    [InlineData("qi_submit: p_iotlb_inv dmar0: 0x50036 0x1000 0x0 0x0", "first stage", "vtd-server-fs")]
    [InlineData("qi_submit: p_iotlb_inv dmar0: 0x50026 0x0 0x0 0x0", "", "vtd-server")]
    [InlineData("qi_submit: dev_tlb_inv dmar0: 0x1800000003 0x1000 0x0 0x0", "device TLBs", "vtd-server-ats")]
    [InlineData(
        "qi_submit: dev_tlb_inv dmar0: 0x1800000003 0x1000 0x0 0x0|qi_submit: cc_inv dmar0: 0x1800000031 0x0 0x0 0x0", "caching mode,device TLBs", "vtd-guest")]
    [InlineData(
        "qi_submit: p_iotlb_inv dmar0: 0x50036 0x1000 0x0 0x0|qi_submit: cc_inv dmar0: 0x1800000031 0x0 0x0 0x0", "caching mode,first stage", "vtd-guest-fs")]
    public void Each_sign_counts_and_the_first_trait_counts_most(string events, string traits, string kind)
    {
        File.WriteAllLines(_path, events.Split('|').Select(text => $"  a-1  [000] .... 1.000001: {text}"));
        var origin = TraceOrigin.Find(_path);
        string.Join(',', origin.Traits).ShouldBe(traits);
        origin.KindIn(MachineCatalog.All)!.Name.ShouldBe(kind);
    }

    [Fact]
    public void A_kind_that_is_too_narrow_for_the_IOVAs_is_not_taken_where_another_is_not()
    {
        var origin = new TraceOrigin { Iommu = "VT-d", Traits = [RecordedTraits.CachingMode], LastIova = 1ul << 40 };
        origin.KindIn(MachineCatalog.All)!.Name.ShouldBe("vtd-server");
        (origin with { LastIova = ulong.MaxValue }).KindIn(MachineCatalog.All)!.Name.ShouldBe("vtd-guest");
        (origin with { Iommu = "AMD-Vi" }).KindIn(MachineCatalog.All).ShouldBeNull();
        (origin with { Iommu = null }).KindIn(MachineCatalog.All).ShouldBeNull();
    }
}
