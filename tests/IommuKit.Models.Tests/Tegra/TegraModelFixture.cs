using System.Buffers.Binary;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tests.Tegra;

/// <summary>A model with memory, and tables written by hand. Its client is in address space 5, whose root is <see cref="Directory"/>.</summary>
public abstract class TegraModelFixture : IDisposable
{
    private protected const ulong Directory = 0x10_0000;
    private protected const ulong Table = 0x10_1000;
    private protected const uint ReadWrite = 0xe000_0000;
    private protected const int Client = 0x6c;

    private protected PhysicalMemory Memory { get; } = new(1ul << 34, isCoherent: true);

    public void Dispose()
    {
        Memory.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected static ulong? Read<TMemory>(TegraSmmuModel<TMemory> model, ulong iova)
        where TMemory : struct, IMemoryAccessor
    {
        var translation = model.Translate(new DmaRequest(Client, iova, IsWrite: false));
        return translation.IsAllowed ? translation.PhysicalOf(iova) : null;
    }

    private protected static void Flush(TegraSmmuModel<DeviceMemory> model, TegraTlbFlush command)
    {
        model.Write32(TegraMc.TlbFlush, command.Value);
        model.SettleWrites();
    }

    private protected static void FlushPtc(TegraSmmuModel<DeviceMemory> model, ulong address)
    {
        model.Write32(TegraMc.PtcFlushHigh, TegraPtcFlush.LineHigh(address));
        model.Write32(TegraMc.PtcFlush, TegraPtcFlush.Line(TegraSoc.Tegra210, address).Value);
        model.SettleWrites();
    }

    private protected static void SwitchOn<TMemory>(TegraSmmuModel<TMemory> model, uint root)
        where TMemory : struct, IMemoryAccessor
    {
        model.Write32(TegraMc.TlbConfig, 0x3000_0030);
        model.Write32(TegraMc.PtcConfig, 0x2800_003f);
        model.Write32(TegraMc.PtbAsid, 5);
        model.Write32(TegraMc.PtbData, root | (uint)(Directory >> 12));
        model.Write32(0x284, 0x8000_0005);
        model.Write32(0x234, 1 << 12);
        model.Write32(TegraMc.SmmuConfig, 1);
        model.SettleWrites();
    }

    private protected TegraSmmuModel<DeviceMemory> Make(TegraModelOptions? options = null, bool isOn = true, uint root = ReadWrite)
    {
        var model = new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra210, Memory.DeviceView, options);
        if (isOn)
        {
            SwitchOn(model, root);
        }

        return model;
    }

    private protected void Store(ulong address, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Memory.CpuView.Span(address, 4), value);
}
