using IommuKit.Domains;
using IommuKit.Drivers.Smmu3;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;
using IommuKit.Sync;

namespace IommuKit.Tests.Drivers.Smmu3;

/// <summary>Devices that keep translations of their own are told what to drop, behind the SMMU, and can do nothing with what they kept elsewhere.</summary>
public sealed class Smmu3DeviceTlbTests
{
    private const ulong Other = Smmu3Rig.Data + 0x100_0000;

    private static readonly Smmu3Client[] s_streams = [new("nic", 8, Pasids: 4, HasDeviceTlb: true), new("disk", 9, HasDeviceTlb: true), new("uart", 10)];

    [Theory]
    [InlineData(Smmu3Stage.Stage1, SyncPolicy.Gather)]
    [InlineData(Smmu3Stage.Stage1, SyncPolicy.PerPage)]
    [InlineData(Smmu3Stage.Stage2, SyncPolicy.SplitSync)]
    public void An_unmap_reaches_the_device_even_if_it_asks_again_at_once(Smmu3Stage stage, SyncPolicy policy)
    {
        using var rig = Rig(stage);
        var tlb = Tlb(rig, 9);
        var domain = rig.Attached(policy, device: 1);
        domain.Map(0x10_0000, Smmu3Rig.Data, 0x23_000, Smmu3Rig.ReadWrite);
        for (ulong page = 0; page < 0x23; page++)
        {
            Reach(tlb, 0x10_0000 + (page << 12)).ShouldBe(Smmu3Rig.Data + (page << 12));
        }

        domain.Unmap(0x10_1000, 0x22_000);
        for (ulong page = 1; page < 0x23; page++)
        {
            Reach(tlb, 0x10_0000 + (page << 12)).ShouldBeNull();
        }

        Reach(tlb, 0x10_0000).ShouldBe(Smmu3Rig.Data);
    }

    [Fact]
    public void What_a_device_kept_of_a_domain_is_of_no_use_in_another_or_in_none()
    {
        using var rig = Rig();
        var tlb = Tlb(rig, 9);
        var device = rig.Driver.Devices[1];
        PagingDomain[] domains = [Domain(rig, Smmu3Rig.Data), Domain(rig, Other)];
        domains[0].Attach(device);
        Reach(tlb, 0x1000).ShouldBe(Smmu3Rig.Data);
        domains[1].Replace(device);
        Reach(tlb, 0x1000).ShouldBe(Other);
        domains[1].Detach(device);
        Reach(tlb, 0x1000).ShouldBeNull();
        domains[0].Attach(device);
        Reach(tlb, 0x1000).ShouldBe(Smmu3Rig.Data);
    }

    [Fact]
    public void A_PASID_is_told_apart_from_others()
    {
        using var rig = Rig();
        var tlb = Tlb(rig, 8);
        var device = rig.Driver.Devices[0];
        PagingDomain[] domains = [Domain(rig, Smmu3Rig.Data), Domain(rig, Other)];
        domains[0].Attach(device, 1);
        domains[1].Attach(device, 2);
        Reach(tlb, 0x1000, 1).ShouldBe(Smmu3Rig.Data);
        Reach(tlb, 0x1000, 2).ShouldBe(Other);
        var told = new List<Smmu3DeviceTlbInvalidation>();
        rig.Model.DeviceTlbInvalidated = invalidation =>
        {
            told.Add(invalidation);
            return tlb.TryDrop(invalidation);
        };
        domains[0].Unmap(0x1000, 0x1000);
        told.ShouldBe([new Smmu3DeviceTlbInvalidation(8, 1, IsGlobal: false, 0x1000, 0x1fff)]);
        Reach(tlb, 0x1000, 1).ShouldBeNull();
        Reach(tlb, 0x1000, 2).ShouldBe(Other);
        domains[1].Detach(device, 2);
        Reach(tlb, 0x2000, 2).ShouldBeNull();
    }

    [Fact]
    public void The_commands_are_in_the_order_of_the_architecture_with_one_doorbell()
    {
        using var rig = Rig();
        var domain = Domain(rig, Smmu3Rig.Data);
        domain.Attach(rig.Driver.Devices[1]);
        uint before = rig.Model.Read32(Smmu3Register.CommandProducer);
        rig.Bus.Doorbells = 0;
        domain.Unmap(0x1000, 0x1000);
        rig.Bus.Doorbells.ShouldBe(1);
        CommandsSince(rig, before).ShouldBe(
            [Smmu3CommandCode.DropVa, Smmu3CommandCode.Sync, Smmu3CommandCode.DropDeviceTlb, Smmu3CommandCode.Sync]);

        // One without a TLB is not told.
        domain.Detach(rig.Driver.Devices[1]);
        domain.Attach(rig.Driver.Devices[2]);
        before = rig.Model.Read32(Smmu3Register.CommandProducer);
        domain.Unmap(0x2000, 0x1000);
        CommandsSince(rig, before).ShouldBe([Smmu3CommandCode.DropVa, Smmu3CommandCode.Sync]);
    }

    [Fact]
    public void A_device_that_joins_others_is_given_nothing_that_an_unmap_under_way_is_about_to_drop()
    {
        using var rig = Rig();
        var domain = Domain(rig, Smmu3Rig.Data);
        domain.Attach(rig.Driver.Devices[2]);
        uint before = rig.Model.Read32(Smmu3Register.CommandProducer);
        domain.Attach(rig.Driver.Devices[1]);
        CommandsSince(rig, before)[..2].ShouldBe([Smmu3CommandCode.DropAsid, Smmu3CommandCode.Sync]);
    }

    [Theory]
    [InlineData(0x1000, 0x1fff, 1)]
    [InlineData(0x1000, 0x4fff, 3)]
    [InlineData(0x0, 0xffff, 1)]
    [InlineData(0x1_1000, 0x3_5fff, 1)]
    [InlineData(0ul, ulong.MaxValue, 1)]
    [InlineData(0xffff_ffff_ffff_0000ul, ulong.MaxValue, 1)]
    public void A_range_is_covered_by_aligned_blocks(ulong first, ulong last, int count)
    {
        var encoder = new Smmu3DeviceEncoder(new Smmu3DeviceTag(3, 5), new Interval(first, last));
        var blocks = new List<(ulong First, ulong Last)>();
        while (encoder.TryNext(out var command))
        {
            (command.Code, command.StreamId, command.HasSubstream, command.SubstreamId).ShouldBe((Smmu3CommandCode.DropDeviceTlb, 3u, true, 5u));
            ulong bytes = command.DeviceSize >= 52 ? 0 : 0x1000ul << command.DeviceSize;
            (command.Address & (bytes - 1)).ShouldBe(0ul);
            blocks.Add((command.Address, command.Address + (bytes - 1)));
        }

        blocks.Count.ShouldBe(count);
        blocks[0].First.ShouldBeLessThanOrEqualTo(first);
        blocks[^1].Last.ShouldBeGreaterThanOrEqualTo(last);
        blocks.Zip(blocks.Skip(1)).ShouldAllBe(pair => pair.First.Last + 1 == pair.Second.First);
    }

    [Fact]
    public void Without_ATS_in_the_SMMU_nobody_is_told()
    {
        using var rig = new Smmu3Rig(Smmu3Unit.Emulated, streams: [new("nic", 8, HasDeviceTlb: true)]);
        ((Smmu3StreamDevice)rig.Driver.Devices[0]).HasDeviceTlb.ShouldBeFalse();
        rig.Model.Read32(Smmu3Register.Control0).ShouldBe(
            Smmu3Register.Control.Enable | Smmu3Register.Control.EventQueue | Smmu3Register.Control.CommandQueue);
    }

    [Fact]
    public void Tables_of_streams_that_come_late_hold_for_all_devices_in_them()
    {
        using var rig = new Smmu3Rig(
            options: new Smmu3DriverOptions { MakesStreamTablesLate = true },
            streams: [new("a", 0x210), new("b", 0x211), new("c", 0x310)]);
        rig.Reach(0x1000).ShouldBeNull();
        PagingDomain[] domains = [Domain(rig, Smmu3Rig.Data), Domain(rig, Other)];
        rig.Driver.BlockedDomain.Attach(rig.Driver.Devices[1]);
        domains[0].Attach(rig.Driver.Devices[0]);
        rig.Reach(0x1000).ShouldBe(Smmu3Rig.Data);
        rig.Reach(0x1000, device: 1).ShouldBeNull();
        domains[1].Replace(rig.Driver.Devices[1]);
        rig.Reach(0x1000, device: 1).ShouldBe(Other);
        rig.Reach(0x1000, device: 2).ShouldBeNull();
        rig.Driver.IdentityDomain.Attach(rig.Driver.Devices[2]);
        rig.Reach(0x1000, device: 2).ShouldBe(0x1000ul);
    }

    private static Smmu3Rig Rig(Smmu3Stage stage = Smmu3Stage.Stage1) =>
        new(options: new Smmu3DriverOptions { Stage = stage }, streams: stage == Smmu3Stage.Stage1 ? s_streams : [.. s_streams.Select(one => one with { Pasids = 0 })]);

    private static Smmu3DeviceTlb<DeviceMemory> Tlb(Smmu3Rig rig, uint stream)
    {
        var tlb = new Smmu3DeviceTlb<DeviceMemory>(rig.Model, stream) { AsksAgain = true };
        rig.Model.DeviceTlbInvalidated = tlb.TryDrop;
        return tlb;
    }

    private static ulong? Reach(Smmu3DeviceTlb<DeviceMemory> tlb, ulong iova, int pasid = Smmu3Request.NoSubstream)
    {
        var answer = tlb.Translate(iova, Smmu3Access.Read, pasid);
        return answer.Range.IsAllowed ? answer.Range.PhysicalOf(iova) : null;
    }

    private static PagingDomain Domain(Smmu3Rig rig, ulong physical)
    {
        var domain = rig.Driver.CreateDomain();
        domain.Map(0x1000, physical, 0x2000, Smmu3Rig.ReadWrite);
        return domain;
    }

    private static List<Smmu3CommandCode> CommandsSince(Smmu3Rig rig, uint producer)
    {
        ulong register = rig.Model.Read64(Smmu3Register.CommandQueue);
        uint mask = (1u << (int)(register & Smmu3Register.QueueSizeMask)) - 1;
        var codes = new List<Smmu3CommandCode>();
        for (; producer != rig.Model.Read32(Smmu3Register.CommandProducer); producer = (producer + 1) & ((2 * mask) + 1))
        {
            var words = rig.Memory.CpuView.Span((register & Smmu3Register.QueueAddressMask) + ((producer & mask) * 16), 16);
            codes.Add((Smmu3CommandCode)words[0]);
        }

        return codes;
    }
}
