using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tests.Tegra;

/// <summary>A read-back waits for what devices do with translations from before the flush.</summary>
public sealed class TegraAccessTests : TegraModelFixture
{
    [Fact]
    public void A_read_back_waits_for_an_access_under_way()
    {
        var model = Make();
        Background readBack;
        using (model.Accesses.Enter())
        {
            model.Write32(TegraMc.TlbFlush, TegraTlbFlush.All.Value);
            readBack = Background.Run(() => model.Read32(TegraMc.SmmuConfig));
            readBack.ShouldWait();
        }

        readBack.ShouldEnd();
    }

    [Fact]
    public void Every_read_back_waits_also_when_another_thread_does_already()
    {
        var model = Make();
        List<Background> readBacks;
        using (model.Accesses.Enter())
        {
            model.Write32(TegraMc.TlbFlush, TegraTlbFlush.All.Value);
            readBacks = [.. Enumerable.Range(0, 2).Select(_ => Background.Run(() => model.Read32(TegraMc.SmmuConfig)))];
            readBacks.ForEach(readBack => readBack.ShouldWait());
        }

        readBacks.ForEach(readBack => readBack.ShouldEnd());
    }

    [Fact]
    public void A_read_waits_for_nothing_when_nothing_was_written()
    {
        var model = Make();
        model.Read32(TegraMc.SmmuConfig);
        using var access = model.Accesses.Enter();

        Background.Run(() => model.Read32(TegraMc.SmmuConfig)).ShouldEnd();
    }

    [Fact]
    public void An_interrupt_handler_may_read_registers_in_the_middle_of_an_access()
    {
        var model = Make();
        uint status = 0;
        model.Interrupt = level => status = level ? model.Read32(TegraMc.IntStatus) : status;
        model.Write32(TegraMc.IntMask, TegraMc.Interrupt.InvalidSmmuPage);
        model.SettleWrites();
        var device = new DmaDevice<DeviceMemory>(model, Memory.DeviceView, Client, Client);

        device.Read(0x1234_5000, new byte[4]).IsComplete.ShouldBeFalse();
        status.ShouldBe(TegraMc.Interrupt.InvalidSmmuPage);
    }
}
