using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>A device with a TLB of its own, and the order in which the two TLBs have to be invalidated.</summary>
public sealed class Smmu3DeviceTlbTests
{
    private const ulong Leaf = Smmu3Machine.ValidLeaf;

    private static Smmu3DeviceTlb<DeviceMemory> Make(Smmu3Machine machine, out ulong leaf, ulong ats = 1ul << 28)
    {
        ulong root = machine.NewTable();
        leaf = machine.Map(root, 0x1000, 0x7000_0000 | Leaf);
        machine.BindFirst(root).SwitchOn(control: Smmu3Register.Control.CheckTranslated);
        machine.Store(Smmu3Machine.StreamTable + (8 * 64) + 8, ats);
        var tlb = new Smmu3DeviceTlb<DeviceMemory>(machine.Model, 8, new(2, 2));
        machine.Model.DeviceTlbInvalidated = tlb.TryDrop;
        return tlb;
    }

    [Fact]
    public void A_device_keeps_what_it_was_told_until_it_is_told_to_drop_it()
    {
        using var machine = new Smmu3Machine();
        var tlb = Make(machine, out ulong leaf);
        tlb.Translate(0x1008, Smmu3Access.Read).Range.PhysicalOf(0x1008).ShouldBe(0x7000_0008ul);
        machine.Store(leaf, 0x7100_0000 | Leaf);
        var tlbi = Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x1000, asid: 1);
        machine.Invalidate(tlbi);
        tlb.Translate(0x1008, Smmu3Access.Read).Range.PhysicalOf(0x1008).ShouldBe(0x7000_0008ul);
        machine.Invalidate(Smmu3Command.DropDeviceTlb(9, 0, 52), Smmu3Command.DropDeviceTlb(8, 0x2000, 1));
        tlb.Translate(0x1008, Smmu3Access.Read).Range.PhysicalOf(0x1008).ShouldBe(0x7000_0008ul);
        machine.Invalidate(Smmu3Command.DropDeviceTlb(8, 0x1000, 0));
        tlb.Translate(0x1008, Smmu3Access.Read).Range.PhysicalOf(0x1008).ShouldBe(0x7100_0008ul);
    }

    /// <summary>The device first, the SMMU then: in between, the device is told the old translation once more.</summary>
    [Fact]
    public void The_wrong_order_leaves_the_device_with_the_old_page()
    {
        using var machine = new Smmu3Machine();
        var tlb = Make(machine, out ulong leaf);
        tlb.Translate(0x1000, Smmu3Access.Read);
        machine.Store(leaf, 0);
        machine.Invalidate(Smmu3Command.DropDeviceTlb(8, 0x1000, 0));
        tlb.Translate(0x1000, Smmu3Access.Read).Outcome.ShouldBe(Smmu3Outcome.Allowed);
        machine.Invalidate(Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x1000, asid: 1));
        tlb.Translate(0x1000, Smmu3Access.Read).Outcome.ShouldBe(Smmu3Outcome.Allowed);
        machine.Invalidate(Smmu3Command.DropDeviceTlb(8, 0x1000, 0));
        tlb.Translate(0x1000, Smmu3Access.Read).Event.ShouldBe(Smmu3EventType.Translation);
    }

    [Fact]
    public void Substreams_are_kept_apart()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        ulong leaf = machine.Map(root, 0x1000, 0x7000_0000 | Leaf);
        ulong contexts = machine.NewTable();
        for (ulong i = 0; i < 4; i++)
        {
            machine.Store(contexts + (i * 64), Smmu3Machine.First((ushort)(i + 1)), root, 0, 0xff);
        }

        machine.SetStream(8, contexts | (5 << 1) | 1 | (2ul << 59), (1ul << 28) | 2).SwitchOn();
        var tlb = new Smmu3DeviceTlb<DeviceMemory>(machine.Model, 8);
        machine.Model.DeviceTlbInvalidated = tlb.TryDrop;
        for (int substream = 1; substream < 4; substream++)
        {
            tlb.Translate(0x1000, Smmu3Access.Read, substream).Range.PhysicalAddress.ShouldBe(0x7000_0000ul);
        }

        machine.Store(leaf, 0);
        machine.Invalidate(Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests), Smmu3Command.DropDeviceTlb(8, 0, 52, substream: 2));
        Outcomes().ShouldBe([true, false, true]);
        machine.Invalidate(Smmu3Command.DropDeviceTlb(8, 0, 52));
        Outcomes().ShouldBe([false, false, false]);

        IEnumerable<bool> Outcomes() =>
            Enumerable.Range(1, 3).Select(substream => tlb.Translate(0x1000, Smmu3Access.Read, substream).Outcome == Smmu3Outcome.Allowed);
    }

    [Fact]
    public void A_device_with_ATS_moves_data()
    {
        using var machine = new Smmu3Machine();
        var tlb = Make(machine, out _);
        var device = new DmaDevice<DeviceMemory>(tlb, machine.Memory.DeviceView, 0, 0);
        device.Write(0x1ff0, new byte[32]).ShouldBe(new DmaResult(IsComplete: false, 16));
        device.Write(0x1ff0, [1, 2, 3]).IsComplete.ShouldBeTrue();
        (machine.Load(0x7000_0ff0) & 0xff_ffff).ShouldBe(0x03_0201ul);

        // A stream that lost ATS has its transactions refused, whatever the device still holds.
        machine.Store(Smmu3Machine.StreamTable + (8 * 64) + 8, 0).Invalidate(Smmu3Command.DropStream(8));
        device.Write(0x1ff0, [1]).IsComplete.ShouldBeFalse();
        machine.TakeEvent()!.Value.Type.ShouldBe(Smmu3EventType.TranslatedForbidden);
    }

    /// <summary>Split stage: the device holds addresses between the stages, and stage 2 may still change under them.</summary>
    [Fact]
    public void With_split_stage_the_device_never_learns_where_memory_is()
    {
        using var machine = new Smmu3Machine();
        ulong second = machine.NewIdentitySecond();
        ulong first = machine.NewTable();
        machine.Map(first, 0x1000, 0x40_0000 | Leaf);
        machine.BindNested(first, second).SwitchOn(control: Smmu3Register.Control.CheckTranslated);
        machine.Store(Smmu3Machine.StreamTable + (8 * 64) + 8, 2ul << 28);
        var tlb = new Smmu3DeviceTlb<DeviceMemory>(machine.Model, 8);
        tlb.Translate(0x1008, Smmu3Access.Read).Range.PhysicalOf(0x1008).ShouldBe(0x40_0008ul);
        machine.Map(second, 0x40_0000, 0x7000_0000 | 0xfc | 3 | (1 << 10), startLevel: 1, inputBits: 40);
        machine.Invalidate(Smmu3Command.DropAddress(Smmu3CommandCode.DropIpa, 0x40_0000, 1));
        tlb.Translate(0x1008, Smmu3Access.Read).Range.PhysicalOf(0x1008).ShouldBe(0x7000_0008ul);
    }
}
