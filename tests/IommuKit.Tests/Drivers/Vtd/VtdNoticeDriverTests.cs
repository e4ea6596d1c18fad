using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Models.Dma;
using IommuKit.Models.Vtd;
using IommuKit.Specs.Vtd;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Drivers.Vtd;

/// <summary>A cache outside of the model that listens to it, under the real driver.</summary>
public sealed class VtdNoticeDriverTests
{
    private const int Steps = 1500;

    private static readonly VtdFunction[] s_functions = [new(0x0010), new(0x0100), new(0x0203)];

    [Theory]
    [InlineData(VtdMode.Legacy, SyncPolicy.Gather, false)]
    [InlineData(VtdMode.Legacy, SyncPolicy.PerPage, true)]
    [InlineData(VtdMode.FirstStage, SyncPolicy.Gather, true)]
    [InlineData(VtdMode.FirstStage, SyncPolicy.PerPage, false)]
    [InlineData(VtdMode.SecondStage, SyncPolicy.Gather, false)]
    [InlineData(VtdMode.SecondStage, SyncPolicy.PerPage, true)]
    public void A_cache_that_listens_holds_nothing_that_was_unmapped(VtdMode mode, SyncPolicy policy, bool hasRivals)
    {
        using var bench = Bench(mode);
        Property(bench).Run(policy, seed: ((int)mode * 10) + (int)policy, Steps, hasRivals: hasRivals).ShouldBeNull();
    }

    /// <summary>
    /// What the test above is worth: a cache that does not hear of pages is found, and one that hears of nothing else. (An attach invalidates by device and
    /// by domain, so that one of the two is enough.)
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_deaf_cache_is_found(bool isDeafToPages)
    {
        using var bench = Bench(VtdMode.Legacy);
        Property(bench).Run(SyncPolicy.Gather, seed: 5, Steps, isDeafTo: notice => notice.Scope == InvalidationScope.Pages == isDeafToPages)
            .ShouldNotBeNull();
    }

    private static VtdBench Bench(VtdMode mode) => new(
        mode == VtdMode.Legacy ? VtdUnit.Server48 : VtdUnit.Server57, new VtdDriverOptions { Mode = mode }, s_functions);

    private static NoticeProperty Property(VtdBench bench) => new(
        bench.Driver,
        bench.Model,
        device => s_functions[device].SourceId,
        (device, iova) => bench.Model.Translate(new VtdRequest(s_functions[device].SourceId, iova, VtdAccess.Read)).Range);
}
