namespace Antmicro.Renode.Peripherals.Bus;

// The real one has more; what is here is called the same.
public interface IBusController
{
    byte ReadByte(ulong address, IPeripheral? context = null, ulong? cpuState = null);

    void WriteByte(ulong address, byte value, IPeripheral? context = null, ulong? cpuState = null);

    ushort ReadWord(ulong address, IPeripheral? context = null, ulong? cpuState = null);

    void WriteWord(ulong address, ushort value, IPeripheral? context = null, ulong? cpuState = null);

    uint ReadDoubleWord(ulong address, IPeripheral? context = null, ulong? cpuState = null);

    void WriteDoubleWord(ulong address, uint value, IPeripheral? context = null, ulong? cpuState = null);

    ulong ReadQuadWord(ulong address, IPeripheral? context = null, ulong? cpuState = null);

    void WriteQuadWord(ulong address, ulong value, IPeripheral? context = null, ulong? cpuState = null);

    void ReadBytes(ulong address, int count, byte[] destination, int startIndex, bool onlyMemory = false, IPeripheral? context = null);

    void WriteBytes(byte[] bytes, ulong address, int startingIndex, long count, bool onlyMemory = false, IPeripheral? context = null);

    IPeripheral? WhatPeripheralIsAt(ulong address, IPeripheral? context = null);
}
