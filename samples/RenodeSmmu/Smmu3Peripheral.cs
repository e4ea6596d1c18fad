using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals.Bus;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace Antmicro.Renode.Peripherals.MemoryControllers;

// An Arm SMMUv3 for Renode: registers on the system bus, interrupts, and a bus for each stream. Renode finds types only in namespaces of its own.
//
//     smmu: MemoryControllers.Smmu3Peripheral @ sysbus 0x2b400000
//         EventQueueIRQ -> gic@74
//         GlobalErrorIRQ -> gic@79
//
// A device that does DMA is given smmu.StreamBus(StreamID) where it had the system bus.
public sealed class Smmu3Peripheral : IDoubleWordPeripheral, IQuadWordPeripheral, IKnownSize
{
    // STALL_MODEL in IDR0 is 1, nothing stalls, as a device on Renode's bus has no way to wait; and HTTU is 0, as that bus has no compare and swap.
    private const uint StallModelMask = 3u << 24;
    private const uint NeverStalls = 1u << 24;
    private const uint UpdatesMask = 3u << 6;

    private readonly Dictionary<uint, StreamBus> _buses = [];
    private readonly IBusController _sysbus;

    public Smmu3Peripheral(IMachine machine, Smmu3Unit? unit = null)
    {
        unit ??= Smmu3Unit.Full;
        _sysbus = machine.GetSystemBus(this);
        Model = new Smmu3Model<BusMemory>(
            unit with { Idr0 = (unit.Idr0 & ~(StallModelMask | UpdatesMask)) | NeverStalls }, new BusMemory(_sysbus, this))
        {
            InterruptRaised = Raise,
        };
    }

    public long Size => Smmu3Register.Bytes;

    public GPIO EventQueueIRQ { get; } = new();

    public GPIO CommandSyncIRQ { get; } = new();

    public GPIO GlobalErrorIRQ { get; } = new();

    public GPIO PageRequestIRQ { get; } = new();

    public Smmu3Model<BusMemory> Model { get; }

    public uint ReadDoubleWord(long offset) => Model.Read32((uint)offset);

    public void WriteDoubleWord(long offset, uint value) => Model.Write32((uint)offset, value);

    public ulong ReadQuadWord(long offset) => Model.Read64((uint)offset);

    public void WriteQuadWord(long offset, ulong value) => Model.Write64((uint)offset, value);

    public void Reset() => Model.Reset();

    // The bus as a device with a StreamID sees it.
    public StreamBus StreamBus(uint streamId)
    {
        if (!_buses.TryGetValue(streamId, out var bus))
        {
            _buses[streamId] = bus = new StreamBus(_sysbus, Model, streamId);
        }

        return bus;
    }

    // Wires are edges. The event that wakes CPUs has none.
    private void Raise(Smmu3Interrupt interrupt)
    {
        var wire = interrupt switch
        {
            Smmu3Interrupt.EventQueue => EventQueueIRQ,
            Smmu3Interrupt.PageRequestQueue => PageRequestIRQ,
            Smmu3Interrupt.CommandSync => CommandSyncIRQ,
            Smmu3Interrupt.GlobalError => GlobalErrorIRQ,
            _ => null,
        };
        wire?.Set(true);
        wire?.Set(false);
    }
}
