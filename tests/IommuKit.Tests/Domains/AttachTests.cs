using IommuKit.Domains;
using IommuKit.Specs.PageTables;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Domains;

/// <summary>Devices and their PASIDs go from domain to domain, to identity and to nowhere.</summary>
public sealed class AttachTests : IDisposable
{
    private readonly RequestIommu _iommu = new(pasids: 4);
    private readonly IommuDevice _device;

    public AttachTests() => _device = _iommu.Devices[0];

    public void Dispose()
    {
        _iommu.RefusesSwitches = false;
        _iommu.Dispose();
    }

    [Fact]
    public void A_replacement_is_one_switch()
    {
        var first = _iommu.CreateDomain();
        var second = _iommu.CreateDomain();
        first.Attach(_device);
        second.Replace(_device);
        second.Replace(_device);
        _iommu.IdentityDomain.Replace(_device);
        _iommu.BlockedDomain.Replace(_device);
        _iommu.BlockedDomain.Detach(_device);

        _iommu.Requests.ShouldBe(
        [
            "switch -1 none requests", "switch -1 requests requests", "switch -1 requests identity", "switch -1 identity blocked",
            "switch -1 blocked none",
        ]);
        first.Devices.ShouldBeEmpty();
        second.Devices.ShouldBeEmpty();
        _device.Domain.ShouldBeNull();
    }

    [Fact]
    public void A_device_stays_where_it_was_if_the_switch_fails()
    {
        var first = _iommu.CreateDomain();
        var second = _iommu.CreateDomain();
        first.Attach(_device);
        _iommu.RefusesSwitches = true;

        Should.Throw<IommuException>(() => second.Replace(_device)).Error.ShouldBe(IommuError.ENOSPC);
        Should.Throw<IommuException>(() => first.Detach(_device)).Error.ShouldBe(IommuError.ENOSPC);

        _device.Domain.ShouldBe(first);
        first.Devices.ShouldBe([_device]);
        second.Devices.ShouldBeEmpty();
    }

    [Fact]
    public void Each_pasid_has_a_domain_of_its_own()
    {
        var first = _iommu.CreateDomain();
        var second = _iommu.CreateDomain();
        first.Attach(_device);
        second.Attach(_device, 0);
        second.Attach(_device, 3);

        _device.Domain.ShouldBe(first);
        _device.DomainOf(3).ShouldBe(second);
        _device.DomainOf(1).ShouldBeNull();
        second.Devices.ShouldBe([_device]);
        Should.Throw<IommuException>(() => first.Attach(_device, 3)).Error.ShouldBe(IommuError.EBUSY);
        Should.Throw<IommuException>(() => first.Attach(_device, 4)).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => first.Attach(_device, -2)).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => first.Detach(_device, 3)).Error.ShouldBe(IommuError.EINVAL);

        second.Dispose();
        _device.DomainOf(3).ShouldBeNull();
        _device.Domain.ShouldBe(first);
        _iommu.Requests.ShouldContain("switch 3 requests none");
    }

    [Fact]
    public void The_end_of_the_driver_takes_every_pasid_out()
    {
        _iommu.CreateDomain().Attach(_device, 2);
        _iommu.IdentityDomain.Attach(_device);
        _iommu.Dispose();
        _device.Domain.ShouldBeNull();
        _device.DomainOf(2).ShouldBeNull();
    }

    [Fact]
    public void Nothing_can_be_mapped_in_identity_and_nowhere()
    {
        foreach (var domain in (FixedDomain[])[_iommu.IdentityDomain, _iommu.BlockedDomain])
        {
            domain.TryMap(0, 0, 4096, Protection.Read).ShouldBe(IommuError.ENODEV);
            domain.TryMapScatterGather(0, [new(0, 4096)], Protection.Read, out _).ShouldBe(IommuError.ENODEV);
            domain.TryUnmap(0, 4096, out _).ShouldBe(IommuError.ENODEV);
        }

        _iommu.IdentityDomain.IovaToPhysical(0x1234).ShouldBe(0x1234ul);
        _iommu.IdentityDomain.IovaToPhysical(1ul << 40).ShouldBeNull();
        _iommu.BlockedDomain.IovaToPhysical(0x1234).ShouldBeNull();
        _iommu.IdentityDomain.ShouldBeSameAs(_iommu.IdentityDomain);
    }
}
