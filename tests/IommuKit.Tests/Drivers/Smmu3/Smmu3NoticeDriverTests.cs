using IommuKit.Domains;
using IommuKit.Drivers.Smmu3;
using IommuKit.Models.Dma;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Drivers.Smmu3;

/// <summary>A cache outside of the model that listens to it, under the real driver.</summary>
public sealed class Smmu3NoticeDriverTests
{
    private const int Steps = 1500;

    [Theory]
    [InlineData(1, SyncPolicy.Gather, true)]
    [InlineData(1, SyncPolicy.PerPage, true)]
    [InlineData(1, SyncPolicy.Gather, false)]
    [InlineData(2, SyncPolicy.Gather, true)]
    [InlineData(2, SyncPolicy.PerPage, false)]
    public void A_cache_that_listens_holds_nothing_that_was_unmapped(int stage, SyncPolicy policy, bool hasRanges)
    {
        using var rig = Rig(stage, hasRanges);
        Property(rig).Run(policy, seed: (stage * 10) + (int)policy, Steps).ShouldBeNull();
    }

    [Theory]
    [InlineData(1, SyncPolicy.Gather)]
    [InlineData(2, SyncPolicy.PerPage)]
    public void Also_while_another_thread_fills_it(int stage, SyncPolicy policy)
    {
        using var rig = Rig(stage);
        Property(rig).Run(policy, seed: 77, Steps, hasRivals: true).ShouldBeNull();
    }

    /// <summary>What the tests above are worth: a cache that does not hear one kind of notices is found.</summary>
    [Theory]
    [InlineData(InvalidationScope.Pages)]
    [InlineData(InvalidationScope.Stream)]
    public void A_deaf_cache_is_found(InvalidationScope scope)
    {
        using var rig = Rig(1);
        Property(rig).Run(SyncPolicy.Gather, seed: 5, Steps, isDeafTo: notice => notice.Scope == scope).ShouldNotBeNull();
    }

    private static Smmu3Rig Rig(int stage, bool hasRanges = true) => new(
        hasRanges ? Smmu3Unit.Full : Smmu3Unit.Mmu600, new Smmu3DriverOptions { Stage = (Smmu3Stage)stage });

    private static NoticeProperty Property(Smmu3Rig rig)
    {
        uint[] streams = [.. rig.Driver.Devices.Cast<Smmu3StreamDevice>().Select(device => device.StreamId)];
        return new NoticeProperty(
            rig.Driver,
            rig.Model,
            device => streams[device],
            (device, iova) => rig.Model.Translate(new Smmu3Request(streams[device], iova, Smmu3Access.Read)).Range);
    }
}
