using IommuKit.Domains;
using IommuKit.Drivers.Tegra;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Drivers;

/// <summary>Devices change domains one after the other, and registers are written in sequences that nothing gets into.</summary>
public sealed class AttachLockTests : IDisposable
{
    private readonly PhysicalMemory _memory = new(1ul << 32, isCoherent: true);
    private readonly PageAllocator _allocator;
    private readonly TegraSmmuDriver _driver;
    private readonly IommuDomain _domain;
    private readonly IommuDevice _device;

    public AttachLockTests()
    {
        _allocator = new PageAllocator(_memory.CpuView, 0, 1 << 20);
        var bus = new BusLog();
        _driver = new TegraSmmuDriver(TegraSoc.Tegra210, bus, bus, _allocator);
        _domain = _driver.CreateDomain();
        _device = _driver.Devices[0];
    }

    public void Dispose() => _memory.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Attaching_waits(bool isForRegisters) => ShouldStop(isForRegisters, () => _domain.Attach(_device));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Detaching_waits(bool isForRegisters)
    {
        _domain.Attach(_device);
        ShouldStop(isForRegisters, () => _domain.Detach(_device));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_end_of_a_driver_waits(bool isForRegisters) => ShouldStop(isForRegisters, _driver.Dispose);

    [Fact]
    public void The_end_of_a_domain_waits() => ShouldStop(isForRegisters: false, _domain.Dispose);

    [Fact]
    public void An_invalidation_waits_for_the_registers()
    {
        _domain.Attach(_device);
        _domain.Map(0, 0, 4096, Protection.Read);
        ShouldStop(isForRegisters: true, () => _domain.Unmap(0, 4096));
    }

    [Fact]
    public void A_new_domain_waits_before_it_takes_a_table()
    {
        long before = _allocator.Outstanding;
        HeldLock.ShouldStop(_driver.AttachLock, () => _driver.CreateDomain(), () => _allocator.Outstanding.ShouldBe(before));
        _allocator.Outstanding.ShouldBe(before + 1);
    }

    [Fact]
    public void A_driver_waits_to_remember_a_domain() => ShouldStop(isForRegisters: false, () => _driver.Add(_domain));

    private void ShouldStop(bool isForRegisters, Action work) =>
        HeldLock.ShouldStop(isForRegisters ? _driver.RegisterLock : _driver.AttachLock, work);
}
