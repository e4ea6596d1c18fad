using System.Runtime.CompilerServices;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tests.Tegra;

/// <summary>Registers, caches and what is posted are looked at and changed by one thread at a time.</summary>
public sealed class TegraModelLockTests : TegraModelFixture
{
    [Fact]
    public void A_read_waits() => ShouldStop(model => model.Read32(TegraMc.IntStatus));

    [Fact]
    public void A_write_waits() => ShouldStop(model => model.Write32(TegraMc.IntStatus, 0));

    [Fact]
    public void Posted_writes_wait_to_take_effect() => ShouldStop(model => model.SettleWrites());

    [Fact]
    public void A_look_at_the_statistics_waits() => ShouldStop(model => _ = model.Statistics);

    [Fact]
    public void The_loss_of_translations_waits() => ShouldStop(model => model.EvictTranslations());

    [Fact]
    public void The_loss_of_a_line_waits() => ShouldStop(model => model.EvictTableLine(Directory));

    [Fact]
    public void A_translation_waits() => ShouldStop(model => Read(model, 0));

    [Fact]
    public void A_report_of_a_decode_error_waits() =>
        ShouldStop(model => model.ReportDecodeError(new DmaRequest(Client, 0, IsWrite: false), 1ul << 34));

    /// <summary>What was looked at without the lock may be so no more when it is got: here the SMMU is switched off meanwhile.</summary>
    [Fact]
    public void A_miss_that_waited_is_translated_as_registers_say_then()
    {
        var model = Make();
        Read(model, 0x1000).ShouldBeNull();
        ulong? found = null;
        HeldLock.ShouldStop(
            ModelFields<DeviceMemory>.Gate(model),
            () => found = Read(model, 0x10_1000),
            () =>
            {
                model.Write32(TegraMc.SmmuConfig, 0);
                model.SettleWrites();
            });
        found.ShouldBe(0x10_1000ul);
    }

    private void ShouldStop(Action<TegraSmmuModel<DeviceMemory>> work)
    {
        var model = Make();
        HeldLock.ShouldStop(ModelFields<DeviceMemory>.Gate(model), () => work(model));
    }

    private static class ModelFields<TMemory>
        where TMemory : struct, Specs.Memory.IMemoryAccessor
    {
        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_gate")]
        public static extern ref Lock Gate(TegraSmmuModel<TMemory> model);
    }
}
