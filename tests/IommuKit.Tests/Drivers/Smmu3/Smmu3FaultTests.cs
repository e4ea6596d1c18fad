using IommuKit.Domains;
using IommuKit.Drivers.Smmu3;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Tests.Drivers.Smmu3;

/// <summary>What devices are stopped at is reported to their domain.</summary>
public sealed class Smmu3FaultTests
{
    [Theory]
    [InlineData(Smmu3Stage.Stage1)]
    [InlineData(Smmu3Stage.Stage2)]
    public void A_fault_reaches_the_handler_of_its_domain(Smmu3Stage stage)
    {
        using var rig = new Smmu3Rig(options: new Smmu3DriverOptions { Stage = stage });
        var domain = rig.Attached();
        var faults = new List<IommuFault>();
        domain.FaultHandler = faults.Add;
        rig.Reach(0x5000).ShouldBeNull();
        domain.Map(0x5000, Smmu3Rig.Data, 0x1000, Protection.Read);
        rig.Reach(0x5008, isWrite: true).ShouldBeNull();
        faults.ShouldBe(
        [
            new IommuFault("nic", 0x5000, IsWrite: false, IsSecure: false, Protection.None, "F_TRANSLATION"),
            new IommuFault("nic", 0x5008, IsWrite: true, IsSecure: false, Protection.Read, "F_PERMISSION"),
        ]);
    }

    [Fact]
    public void Streams_of_no_device_are_reported_too()
    {
        using var rig = new Smmu3Rig();
        var faults = new List<IommuFault>();
        rig.Driver.StrayFaultHandler = faults.Add;
        rig.Model.Translate(new Smmu3Request(9, 0x1000, Smmu3Access.Write));
        rig.Model.Translate(new Smmu3Request(0xffff, 0x1000, Smmu3Access.Read));

        // Aborted by intention, and silently.
        rig.Reach(0x1000).ShouldBeNull();
        faults.Select(fault => (fault.Source, fault.Reason)).ShouldBe([("stream 0x9", "C_BAD_STE"), ("stream 0xffff", "C_BAD_STREAMID")]);
    }

    [Fact]
    public void A_full_queue_loses_faults_and_goes_on()
    {
        using var rig = new Smmu3Rig(options: new Smmu3DriverOptions { EventQueueLog2 = 3 });
        var domain = rig.Attached();
        int faults = 0;
        domain.FaultHandler = _ => faults++;
        rig.Model.InterruptRaised = null;
        for (ulong page = 0; page < 20; page++)
        {
            rig.Reach(page << 12).ShouldBeNull();
        }

        rig.Driver.HandleInterrupt();
        faults.ShouldBe(8);
        rig.Reach(0).ShouldBeNull();
        rig.Driver.HandleInterrupt();
        faults.ShouldBe(9);
        uint producer = rig.Model.Read32(Smmu3Register.EventProducer);
        ((producer ^ rig.Model.Read32(Smmu3Register.EventConsumer)) & Smmu3Register.Overflow).ShouldBe(0u);
    }

    /// <summary>An SMMU that can only stall: the driver ends what it cannot help.</summary>
    [Theory]
    [InlineData(Smmu3Stage.Stage1)]
    [InlineData(Smmu3Stage.Stage2)]
    public void A_stall_ends(Smmu3Stage stage)
    {
        var unit = Smmu3Unit.Full with { Idr0 = (Smmu3Unit.Full.Idr0 & ~(3u << 24)) | (2u << 24) };
        using var rig = new Smmu3Rig(unit, new Smmu3DriverOptions { Stage = stage });
        var domain = rig.Attached();
        var faults = new List<IommuFault>();
        var ended = new List<Smmu3StallEnd>();
        domain.FaultHandler = faults.Add;
        rig.Model.StallEnded = ended.Add;
        rig.Reach(0x7000).ShouldBeNull();
        faults.Count.ShouldBe(1);
        ended.Count.ShouldBe(1);
    }

    [Fact]
    public void A_handler_may_use_the_domain_in_the_middle_of_an_operation()
    {
        using var rig = new Smmu3Rig();
        var domain = rig.Attached();
        domain.Map(0, Smmu3Rig.Data, 0x1000, Protection.Read);
        var seen = new List<ulong>();
        domain.FaultHandler = fault =>
        {
            seen.Add(fault.Iova);
            domain.TryMap(fault.Iova, Smmu3Rig.Data, 0x1000, Protection.Read);
        };
        bool isFirst = true;
        rig.Bus.Accessed = (offset, isWrite) =>
        {
            if (isFirst && isWrite && offset == Smmu3Register.CommandProducer)
            {
                isFirst = false;
                rig.Reach(0x9000).ShouldBeNull();
            }
        };
        domain.Unmap(0, 0x1000);
        seen.ShouldBe([0x9000ul]);
        rig.Reach(0x9000).ShouldBe(Smmu3Rig.Data);
    }
}
