using Antmicro.Renode.Peripherals.Bus;
using IommuKit.Specs.Memory;

namespace Antmicro.Renode.Peripherals.MemoryControllers;

// Where the SMMU finds its tables and queues. Where nothing is on the bus, nothing answers; the bus itself would read zeros.
public readonly struct BusMemory(IBusController bus, IPeripheral smmu) : IMemoryAccessor
{
    public bool TryRead(ulong physicalAddress, Span<byte> destination)
    {
        if (bus.WhatPeripheralIsAt(physicalAddress, smmu) is null)
        {
            return false;
        }

        // An entry of a table in one access: what a CPU stores to it meanwhile is seen whole.
        switch (destination.Length)
        {
            case sizeof(uint):
                return BitConverter.TryWriteBytes(destination, bus.ReadDoubleWord(physicalAddress, smmu));
            case sizeof(ulong):
                return BitConverter.TryWriteBytes(destination, bus.ReadQuadWord(physicalAddress, smmu));
            default:
                byte[] bytes = new byte[destination.Length];
                bus.ReadBytes(physicalAddress, bytes.Length, bytes, 0, onlyMemory: false, smmu);
                bytes.CopyTo(destination);
                return true;
        }
    }

    public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source)
    {
        if (bus.WhatPeripheralIsAt(physicalAddress, smmu) is null)
        {
            return false;
        }

        switch (source.Length)
        {
            // A message may be for a register of an interrupt controller.
            case sizeof(uint):
                bus.WriteDoubleWord(physicalAddress, BitConverter.ToUInt32(source), smmu);
                break;
            case sizeof(ulong):
                bus.WriteQuadWord(physicalAddress, BitConverter.ToUInt64(source), smmu);
                break;
            default:
                bus.WriteBytes(source.ToArray(), physicalAddress, 0, source.Length, onlyMemory: false, smmu);
                break;
        }

        return true;
    }

    // The bus lends nothing. Implemented because calls of the default allocate.
    public bool TryGetSpan(ulong physicalAddress, int length, bool isWrite, out Span<byte> span)
    {
        span = default;
        return false;
    }

    public void NoteWritten(ulong physicalAddress, int length)
    {
    }
}
