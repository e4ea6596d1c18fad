using IommuKit.Domains;
using IommuKit.Drivers.Tegra;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.PageTables;
using IommuKit.Specs.Tegra;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Drivers;

/// <summary>A cache outside of the Tegra's model that listens to it, under the real driver.</summary>
public sealed class TegraNoticeDriverTests : IDisposable
{
    private const int Steps = 1500;

    private readonly PhysicalMemory _memory = new(1ul << 34, isCoherent: false);
    private readonly TegraSmmuModel<DeviceMemory> _model;
    private readonly TegraSmmuDriver _driver;

    public TegraNoticeDriverTests()
    {
        _model = new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra210, _memory.DeviceView);
        _driver = new TegraSmmuDriver(TegraSoc.Tegra210, _model, _memory, new PageAllocator(_memory.CpuView, 0x1000_0000, 64 << 20));
    }

    public void Dispose()
    {
        _driver.Dispose();
        _memory.Dispose();
    }

    [Theory]
    [InlineData(SyncPolicy.Gather, false)]
    [InlineData(SyncPolicy.PerPage, false)]
    [InlineData(SyncPolicy.RangeFlush, false)]
    [InlineData(SyncPolicy.Gather, true)]
    public void A_cache_that_listens_holds_nothing_that_was_unmapped(SyncPolicy policy, bool hasRivals) =>
        Property().Run(policy, seed: (int)policy, Steps, hasRivals: hasRivals).ShouldBeNull();

    /// <summary>What the test above is worth: a cache that does not hear one kind of notices is found.</summary>
    [Theory]
    [InlineData(InvalidationScope.Pages)]
    [InlineData(InvalidationScope.Everything)]
    public void A_deaf_cache_is_found(InvalidationScope scope) =>
        Property().Run(SyncPolicy.Gather, seed: 5, Steps, isDeafTo: notice => notice.Scope == scope).ShouldNotBeNull();

    private NoticeProperty Property()
    {
        // The property looks at the driver's first three devices.
        uint[] clients = [.. _driver.Devices.Take(3).Cast<TegraSwgroupDevice>().Select(device => (uint)device.Clients[0].Id)];
        return new NoticeProperty(_driver, _model, device => clients[device], (device, iova) => Translate(clients[device], iova), pages: 512);
    }

    /// <summary>What is in no domain is not translated; that is nothing to keep here.</summary>
    private Translation Translate(uint client, ulong iova)
    {
        var answer = _model.Translate(new DmaRequest((int)client, iova, IsWrite: false));
        return answer.Length > 0x1000 ? Translation.Fault : answer;
    }
}
