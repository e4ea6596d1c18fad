using IommuKit.Domains;
using IommuKit.Drivers.Smmu2;
using IommuKit.Models.Dma;
using IommuKit.Models.Smmu2;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Drivers.Smmu2;

/// <summary>A cache outside of the model that listens to it, under the real driver.</summary>
public sealed class Smmu2NoticeDriverTests
{
    private const int Steps = 1500;

    [Theory]
    [InlineData(1, SyncPolicy.Gather, false)]
    [InlineData(1, SyncPolicy.PerPage, false)]
    [InlineData(2, SyncPolicy.Gather, false)]
    [InlineData(2, SyncPolicy.PerPage, false)]
    [InlineData(1, SyncPolicy.Gather, true)]
    [InlineData(2, SyncPolicy.PerPage, true)]
    public void A_cache_that_listens_holds_nothing_that_was_unmapped(int stage, SyncPolicy policy, bool hasRivals)
    {
        using var rig = new Smmu2Rig(options: new Smmu2DriverOptions { Stage = (Smmu2Stage)stage });
        Property(rig).Run(policy, seed: (stage * 10) + (int)policy, Steps, hasRivals: hasRivals).ShouldBeNull();
    }

    /// <summary>What the test above is worth: a cache that does not hear one kind of notices is found.</summary>
    [Theory]
    [InlineData(InvalidationScope.Pages)]
    [InlineData(InvalidationScope.Everything)]
    public void A_deaf_cache_is_found(InvalidationScope scope)
    {
        using var rig = new Smmu2Rig();
        Property(rig).Run(SyncPolicy.Gather, seed: 5, Steps, isDeafTo: notice => notice.Scope == scope).ShouldNotBeNull();
    }

    private static NoticeProperty Property(Smmu2Rig rig)
    {
        uint[] streams = [.. rig.Driver.Devices.Cast<Smmu2StreamDevice>().Select(device => device.StreamId)];
        return new NoticeProperty(
            rig.Driver,
            rig.Model,
            device => streams[device],
            (device, iova) => rig.Model.Translate(new Smmu2Request(streams[device], iova, Smmu2Access.Read)).Range);
    }
}
