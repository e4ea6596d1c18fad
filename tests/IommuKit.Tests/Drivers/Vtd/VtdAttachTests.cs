using IommuKit.Domains;
using IommuKit.Specs.Vtd;
using static IommuKit.Tests.Drivers.Vtd.VtdBench;

namespace IommuKit.Tests.Drivers.Vtd;

/// <summary>Devices come to domains, go from one to another, and leave.</summary>
public sealed class VtdAttachTests
{
    private static readonly VtdUnit CachingMode =
        VtdUnit.Emulated with { Name = "caching-mode", Capability = new(VtdUnit.Emulated.Capability.Value | (1 << 7)) };

    public static TheoryData<bool> Modes => [false, true];

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_device_is_blocked_until_it_is_attached_and_after(bool hasCachingMode)
    {
        using var bench = Make(hasCachingMode);
        var domain = bench.Driver.CreateDomain();
        domain.Map(0x1000, Data, 0x1000, ReadWrite);
        bench.CanRead(0x1000).ShouldBeFalse();
        domain.Attach(bench.Driver.Devices[0]);
        bench.CanRead(0x1000).ShouldBeTrue();
        domain.Detach(bench.Driver.Devices[0]);
        bench.CanRead(0x1000).ShouldBeFalse();
        bench.CanRead(Data).ShouldBeFalse();
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void What_changed_while_no_device_was_there_is_not_stale_when_one_comes(bool hasCachingMode)
    {
        using var bench = Make(hasCachingMode);
        var device = bench.Driver.Devices[0];
        var domain = bench.Driver.CreateDomain();
        domain.Attach(device);
        domain.Map(0x1000, Data, 0x1000, ReadWrite);
        bench.CanRead(0x1000).ShouldBeTrue();
        bench.CanRead(0x2000).ShouldBeFalse();
        domain.Detach(device);
        domain.Unmap(0x1000, 0x1000);
        domain.Map(0x2000, Data, 0x1000, ReadWrite);
        domain.Attach(device);
        bench.CanRead(0x1000).ShouldBeFalse();
        bench.CanRead(0x2000).ShouldBeTrue();
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_device_goes_from_one_domain_to_another_without_a_gap(bool hasCachingMode)
    {
        using var bench = Make(hasCachingMode);
        var (mover, stayer) = (bench.Driver.Devices[0], bench.Driver.Devices[1]);
        var first = bench.Driver.CreateDomain();
        var second = bench.Driver.CreateDomain();
        first.Map(0x1000, Data, 0x1000, ReadWrite);
        second.Map(0x1000, Data + 0x1_0000, 0x1000, ReadWrite);
        first.Attach(mover);
        second.Attach(stayer);
        var seen = new HashSet<ulong>();
        bench.Driver.StrayFaultHandler = fault => throw new InvalidOperationException(fault.ToString());
        bench.Writing = _ =>
        {
            // At any time in between: the one or the other, and never what does not belong to the one who stays.
            seen.Add(bench.WhereIs(0x1000).ShouldNotBeNull());
            bench.WhereIs(0x1000, device: 1).ShouldBe(Data + 0x1_0000);
        };
        second.Replace(mover);
        seen.ShouldBeSubsetOf((ulong[])[Data, Data + 0x1_0000]);
        bench.WhereIs(0x1000).ShouldBe(Data + 0x1_0000);
        bench.Driver.IdentityDomain.Replace(mover);
        seen.ShouldBeSubsetOf((ulong[])[Data, Data + 0x1_0000, 0x1000]);
        bench.Writing = null;
        bench.WhereIs(0x1000).ShouldBe(0x1000ul);
        bench.WhereIs(0x1000, device: 1).ShouldBe(Data + 0x1_0000);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Identity_passes_through_and_blocked_stops(bool hasCachingMode)
    {
        using var bench = Make(hasCachingMode);
        var device = bench.Driver.Devices[0];
        bench.Driver.IdentityDomain.Attach(device);
        bench.WhereIs(0x12_3456).ShouldBe(0x12_3456ul);
        bench.Driver.BlockedDomain.Replace(device);
        bench.WhereIs(0x12_3456).ShouldBeNull();
        bench.Driver.IdentityDomain.Replace(device);
        bench.WhereIs(0x12_3456).ShouldBe(0x12_3456ul);
    }

    [Fact]
    public void A_unit_without_pass_through_has_no_identity()
    {
        var unit = VtdUnit.Server48 with { ExtendedCapability = new(VtdUnit.Server48.ExtendedCapability.Value & ~(1ul << 6)) };
        using var bench = new VtdBench(unit);
        Should.Throw<IommuException>(() => bench.Driver.IdentityDomain.Attach(bench.Driver.Devices[0])).Error.ShouldBe(IommuError.ENODEV);
    }

    [Fact]
    public void Domain_ids_run_out_and_come_back()
    {
        // ND = 0: 16 ids, of which one is for nobody and one for devices on their way.
        var unit = VtdUnit.Server48 with { Capability = new(VtdUnit.Server48.Capability.Value & ~7ul) };
        using var bench = new VtdBench(unit);
        bench.Driver.Traits.AddressSpaces.ShouldBe(14);
        var device = bench.Driver.Devices[0];
        for (int i = 0; i < 40; i++)
        {
            var domain = bench.Driver.CreateDomain();
            domain.Map(0x1000, Data + ((ulong)i << 12), 0x1000, ReadWrite);
            domain.Attach(device);
            bench.WhereIs(0x1000).ShouldBe(Data + ((ulong)i << 12));
            domain.Detach(device);
            domain.Dispose();
        }
    }

    [Fact]
    public void Faults_reach_the_handler_of_the_domain()
    {
        using var bench = new VtdBench();
        var domain = bench.MakeAttached(SyncPolicy.Gather);
        var faults = new List<IommuFault>();
        var strays = new List<IommuFault>();
        domain.FaultHandler = faults.Add;
        bench.Driver.StrayFaultHandler = strays.Add;
        domain.Map(0x1000, Data, 0x1000, IommuKit.Specs.PageTables.Protection.Read);
        bench.Dma(0).Write(0x1008, new byte[4]);
        bench.CanRead(0x9000).ShouldBeFalse();
        bench.CanRead(0x1000, device: 1).ShouldBeFalse();
        faults.Select(fault => (fault.Source, fault.Iova, fault.IsWrite, fault.Granted)).ShouldBe(
        [
            ("00:02.0", 0x1000, true, IommuKit.Specs.PageTables.Protection.Read),
            ("00:02.0", 0x9000, false, IommuKit.Specs.PageTables.Protection.None),
        ]);
        faults[0].Reason.ShouldBe("WriteNotAllowed (05h)");
        strays.ShouldHaveSingleItem().Reason.ShouldBe("RootNotPresent (01h)");

        // More than there are records for: none of them keeps the next from being told.
        for (int i = 0; i < 40; i++)
        {
            bench.CanRead(0x2_0000 + ((ulong)i << 12)).ShouldBeFalse();
        }

        faults.Count.ShouldBe(42);
    }

    private static VtdBench Make(bool hasCachingMode) => new(hasCachingMode ? CachingMode : VtdUnit.Server48);
}
