using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tests.Tegra;

/// <summary>Faults, interrupts and transfers of the model by itself.</summary>
public sealed class TegraFaultModelTests : TegraModelFixture
{
    [Fact]
    public void The_first_fault_is_recorded_until_its_interrupt_is_cleared()
    {
        var model = Make();
        var levels = new List<bool>();
        model.Interrupt = levels.Add;
        model.Write32(TegraMc.IntMask, TegraMc.Interrupt.InvalidSmmuPage);
        model.SettleWrites();
        Store(Directory + (0x100 * 4), 0xf000_0000 | (uint)(Table >> 12));
        Store(Table, 0xa001_0000);

        model.Translate(new DmaRequest(Client, 0x4000_0123, IsWrite: true)).IsAllowed.ShouldBeFalse();
        model.Translate(new DmaRequest(Client, 0x5000_0000, IsWrite: false)).IsAllowed.ShouldBeFalse();
        levels.ShouldBe([true]);
        model.Read32(TegraMc.IntStatus).ShouldBe(1u << 10);
        model.Read32(TegraMc.ErrAdr).ShouldBe(0x4000_0123u);
        var status = new TegraFaultStatus(model.Read32(TegraMc.ErrStatus));
        status.Type.ShouldBe(TegraFaultType.InvalidSmmuPage);
        status.IsWrite.ShouldBeTrue();
        status.Rights.ShouldBe(TegraEntry.Readable | TegraEntry.NonSecure);
        status.ClientOn(TegraSoc.Tegra210).ShouldBe(Client);

        // Writing zeros clears nothing, and other bits do not clear this one.
        model.Write32(TegraMc.IntStatus, ~(1u << 10));
        model.Read32(TegraMc.IntStatus).ShouldBe(1u << 10);
        model.Write32(TegraMc.IntStatus, 1u << 10);
        model.Read32(TegraMc.IntStatus).ShouldBe(0u);
        levels.ShouldBe([true, false]);

        model.Translate(new DmaRequest(Client, 0x5000_0000, IsWrite: false));
        model.Read32(TegraMc.ErrAdr).ShouldBe(0x5000_0000u);
        model.Statistics.Faults.ShouldBe(3);
    }

    [Fact]
    public void A_masked_interrupt_is_pending_and_silent()
    {
        var model = Make();
        var levels = new List<bool>();
        model.Interrupt = levels.Add;
        Read(model, 0x4000_0000).ShouldBeNull();
        levels.ShouldBeEmpty();
        model.Write32(TegraMc.IntMask, TegraMc.Interrupt.InvalidSmmuPage);
        model.SettleWrites();
        levels.ShouldBe([true]);
    }

    [Fact]
    public void A_translation_to_where_noMemory_is_gives_a_decode_error()
    {
        using var small = new PhysicalMemory(16 << 20, isCoherent: true);
        var model = new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra210, small.DeviceView);
        var device = new DmaDevice<DeviceMemory>(model, small.DeviceView, Client, Client);
        device.Read(0xfff_f000, new byte[4]).IsComplete.ShouldBeFalse();
        model.Read32(TegraMc.IntStatus).ShouldBe(TegraMc.Interrupt.DecodeErrorEmem);
        new TegraFaultStatus(model.Read32(TegraMc.ErrStatus)).Type.ShouldBe(TegraFaultType.DecodeError);
        model.Read32(TegraMc.ErrAdr).ShouldBe(0xfff_f000u);
    }

    [Fact]
    public void A_transfer_is_split_at_pages_and_stops_where_it_may_not_go_on()
    {
        var model = Make();
        Store(Directory + (0x100 * 4), 0xf000_0000 | (uint)(Table >> 12));
        Store(Table, ReadWrite | 0x200);
        Store(Table + 4, ReadWrite | 0x300);
        var device = new DmaDevice<DeviceMemory>(model, Memory.DeviceView, Client, Client);
        byte[] data = [.. Enumerable.Range(0, 6000).Select(i => (byte)i)];
        device.Write(0x4000_0800, data).ShouldBe(new DmaResult(IsComplete: true, 6000));
        Memory.CpuView.Span(0x20_0800, 0x800).SequenceEqual(data.AsSpan(0, 0x800)).ShouldBeTrue();
        Memory.CpuView.Span(0x30_0000, 6000 - 0x800).SequenceEqual(data.AsSpan(0x800)).ShouldBeTrue();
        Memory.CpuView.Span(0x20_1000, 64).ContainsAnyExcept((byte)0).ShouldBeFalse();

        device.Read(0x4000_1f00, new byte[512]).ShouldBe(new DmaResult(IsComplete: false, 256));
    }

    [Fact]
    public void An_untranslated_address_beyond_the_bus_is_a_decode_error_and_no_translation_fault()
    {
        var model = Make(isOn: false);
        model.Translate(new DmaRequest(Client, 1ul << 34, IsWrite: false)).IsAllowed.ShouldBeFalse();
        model.Read32(TegraMc.IntStatus).ShouldBe(TegraMc.Interrupt.DecodeErrorEmem);
        new TegraFaultStatus(model.Read32(TegraMc.ErrStatus)).Type.ShouldBe(TegraFaultType.DecodeError);
    }

    [Fact]
    public void An_interrupt_unmasked_by_a_posted_write_is_raised_by_the_read_that_completes_it()
    {
        var model = Make();
        var levels = new List<bool>();
        model.Interrupt = levels.Add;
        Read(model, 0x4000_0000).ShouldBeNull();
        model.Write32(TegraMc.IntMask, TegraMc.Interrupt.InvalidSmmuPage);
        levels.ShouldBeEmpty();
        model.Read32(TegraMc.PtbAsid);
        levels.ShouldBe([true]);
    }
}
