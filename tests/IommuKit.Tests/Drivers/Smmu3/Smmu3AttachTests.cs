using IommuKit.Domains;
using IommuKit.Drivers.Smmu3;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Tests.Drivers.Smmu3;

/// <summary>Devices and PASIDs change domains, with accesses at every access of the driver to a register.</summary>
public sealed class Smmu3AttachTests
{
    private const ulong Other = Smmu3Rig.Data + 0x100_0000;
    private static readonly Smmu3Client[] s_withPasids = [new("npu", 5, Pasids: 3), new("gpu", 6, Pasids: 1 << 20)];

    [Theory]
    [InlineData(Smmu3Stage.Stage1)]
    [InlineData(Smmu3Stage.Stage2)]
    public void A_device_goes_from_one_domain_to_another_without_a_gap(Smmu3Stage stage)
    {
        using var rig = new Smmu3Rig(options: new Smmu3DriverOptions { Stage = stage });
        var device = rig.Driver.Devices[0];
        IommuDomain[] domains = [Domain(rig, Smmu3Rig.Data), Domain(rig, Other), rig.Driver.IdentityDomain, rig.Driver.BlockedDomain];
        domains[0].Attach(device);

        // Every change from each to each, with warm caches and with empty ones. Stage 2 has two quadwords that change with the domain.
        foreach (int step in new[] { 1, 2, 3, 1, 3, 2, 0, 1, 0, 3, 0, 2, 1, 0 })
        {
            var before = rig.Reach(0x1000);
            var next = Reach(domains[step]);
            bool isHitless = stage == Smmu3Stage.Stage1 || device.Domain is FixedDomain || domains[step] is FixedDomain;
            var seen = new HashSet<ulong?>();
            rig.Bus.Accessed = (_, _) =>
            {
                seen.Add(rig.Reach(0x1000));
                rig.Model.Evict();
                seen.Add(rig.Reach(0x1000));
            };
            domains[step].Replace(device);
            rig.Bus.Accessed = null;
            rig.Reach(0x1000).ShouldBe(next);
            seen.ShouldBeSubsetOf(isHitless ? [before, next] : [before, next, null]);
        }

        ulong? Reach(IommuDomain domain) => domain == domains[0] ? Smmu3Rig.Data : domain == domains[1] ? Other : domain == domains[2] ? 0x1000 : null;
    }

    [Fact]
    public void What_was_mapped_and_unmapped_without_a_device_needs_no_flush()
    {
        using var rig = new Smmu3Rig();
        var domain = Domain(rig, Smmu3Rig.Data);
        domain.Attach(rig.Driver.Devices[0]);
        rig.Reach(0x1000).ShouldBe(Smmu3Rig.Data);
        domain.Detach(rig.Driver.Devices[0]);
        rig.Bus.Doorbells = 0;
        domain.Unmap(0x1000, 0x1000);
        domain.Map(0x1000, Other, 0x1000, Protection.Read);
        domain.Unmap(0x2000, 0x1000);
        rig.Bus.Doorbells.ShouldBe(0);
        domain.Attach(rig.Driver.Devices[1]);
        rig.Reach(0x1000, device: 1).ShouldBe(Other);
        rig.Reach(0x2000, device: 1).ShouldBeNull();
    }

    [Fact]
    public void There_are_as_many_address_spaces_as_tags()
    {
        var unit = Smmu3Unit.Emulated with { Idr0 = Smmu3Unit.Emulated.Idr0 & ~(1u << 12) };
        Smmu3Client[] streams = [.. Enumerable.Range(0, 256).Select(i => new Smmu3Client($"d{i}", (uint)i))];
        using var rig = new Smmu3Rig(unit, streams: streams);
        rig.Driver.Traits.AddressSpaces.ShouldBe(255);
        for (int i = 0; i < 255; i++)
        {
            rig.Driver.CreateDomain().Attach(rig.Driver.Devices[i]);
        }

        var one = Domain(rig, Smmu3Rig.Data);
        Should.Throw<IommuException>(() => one.Attach(rig.Driver.Devices[255])).Error.ShouldBe(IommuError.ENOSPC);
        rig.Driver.Devices[3].Domain!.Dispose();
        one.Attach(rig.Driver.Devices[255]);
        rig.Reach(0x1000, device: 255).ShouldBe(Smmu3Rig.Data);
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(1, 1)]
    [InlineData(1, 1025)]
    [InlineData(1, (1 << 20) - 1)]
    public void A_PASID_has_a_domain_of_its_own(int index, int pasid)
    {
        using var rig = new Smmu3Rig(streams: s_withPasids);
        var device = rig.Driver.Devices[index];
        var own = Domain(rig, Smmu3Rig.Data);
        var other = Domain(rig, Other);

        rig.Reach(0x1000, device: index, substream: pasid).ShouldBeNull();
        own.Attach(device, pasid);
        rig.Reach(0x1000, device: index, substream: pasid).ShouldBe(Smmu3Rig.Data);
        rig.Reach(0x1000, device: index).ShouldBeNull();
        rig.Driver.IdentityDomain.Attach(device);
        rig.Reach(0x1000, device: index).ShouldBe(0x1000ul);
        other.Replace(device);
        rig.Reach(0x1000, device: index).ShouldBe(Other);
        rig.Reach(0x1000, device: index, substream: pasid).ShouldBe(Smmu3Rig.Data);

        other.Replace(device, pasid);
        rig.Reach(0x1000, device: index, substream: pasid).ShouldBe(Other);
        other.Unmap(0x1000, 0x1000);
        rig.Reach(0x1000, device: index, substream: pasid).ShouldBeNull();
        rig.Reach(0x1000, device: index).ShouldBeNull();
        other.Detach(device, pasid);
        other.Detach(device);
        rig.Reach(0x2000, device: index, substream: pasid).ShouldBeNull();
        rig.Reach(0x2000, device: index).ShouldBeNull();
    }

    [Fact]
    public void What_a_PASID_cannot_be_is_refused()
    {
        using var rig = new Smmu3Rig(streams: s_withPasids);
        var device = rig.Driver.Devices[0];
        Should.Throw<IommuException>(() => Domain(rig, Other).Attach(device, 0)).Error.ShouldBe(IommuError.ENODEV);
        Should.Throw<IommuException>(() => Domain(rig, Other).Attach(device, 3)).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => rig.Driver.IdentityDomain.Attach(device, 1)).Error.ShouldBe(IommuError.ENODEV);
        Should.Throw<ArgumentException>(() => new Smmu3Rig(streams: s_withPasids, options: new Smmu3DriverOptions { Stage = Smmu3Stage.Stage2 }));
        Should.Throw<ArgumentException>(() => new Smmu3Rig(Smmu3Unit.Emulated, streams: s_withPasids));
    }

    [Fact]
    public void A_faulting_PASID_is_told_to_its_domain()
    {
        using var rig = new Smmu3Rig(streams: s_withPasids);
        var domain = Domain(rig, Smmu3Rig.Data);
        domain.Attach(rig.Driver.Devices[0], 2);
        var faults = new List<IommuFault>();
        domain.FaultHandler = faults.Add;
        rig.Reach(0x9000, substream: 2).ShouldBeNull();
        faults.ShouldBe([new IommuFault("npu", 0x9000, IsWrite: false, IsSecure: false, Protection.None, "F_TRANSLATION")]);
    }

    private static PagingDomain Domain(Smmu3Rig rig, ulong physical)
    {
        var domain = rig.Driver.CreateDomain();
        domain.Map(0x1000, physical, 0x2000, Smmu3Rig.ReadWrite);
        return domain;
    }
}
