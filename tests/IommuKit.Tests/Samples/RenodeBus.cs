using System.Buffers.Binary;
using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals;
using Antmicro.Renode.Peripherals.Bus;
using IommuKit.Models.Memory;

namespace IommuKit.Tests.Samples;

/// <summary>A system bus as Renode has one, with memory, an SMMU and a doorbell: nothing fails, and where nothing is, zeros are read.</summary>
/// <param name="memory">The memory, from address 0 on.</param>
internal sealed class RenodeBus(PhysicalMemory memory) : IBusController, IMachine, IPeripheral
{
    public const ulong Registers = 0x10_0000_0000;
    public const ulong Doorbell = 0x11_0000_0000;

    public IDoubleWordPeripheral? Smmu { get; set; }

    public List<uint> Messages { get; } = [];

    public int Accesses { get; private set; }

    public IBusController GetSystemBus(IBusPeripheral peripheral) => this;

    public void Reset() => memory.CpuView.Span(0, 0x1000).Clear();

    public byte ReadByte(ulong address, IPeripheral? context = null, ulong? cpuState = null) => Read(address, 1)[0];

    public void WriteByte(ulong address, byte value, IPeripheral? context = null, ulong? cpuState = null) => Write(address, [value]);

    public ushort ReadWord(ulong address, IPeripheral? context = null, ulong? cpuState = null) =>
        BinaryPrimitives.ReadUInt16LittleEndian(Read(address, 2));

    public void WriteWord(ulong address, ushort value, IPeripheral? context = null, ulong? cpuState = null) =>
        Write(address, BitConverter.GetBytes(value));

    public uint ReadDoubleWord(ulong address, IPeripheral? context = null, ulong? cpuState = null) => IsOfSmmu(address)
        ? Smmu!.ReadDoubleWord((long)(address - Registers))
        : BinaryPrimitives.ReadUInt32LittleEndian(Read(address, 4));

    public void WriteDoubleWord(ulong address, uint value, IPeripheral? context = null, ulong? cpuState = null)
    {
        if (IsOfSmmu(address))
        {
            Smmu!.WriteDoubleWord((long)(address - Registers), value);
        }
        else if (address == Doorbell)
        {
            Messages.Add(value);
        }
        else
        {
            Write(address, BitConverter.GetBytes(value));
        }
    }

    public ulong ReadQuadWord(ulong address, IPeripheral? context = null, ulong? cpuState = null) => IsOfSmmu(address)
        ? ((IQuadWordPeripheral)Smmu!).ReadQuadWord((long)(address - Registers))
        : BinaryPrimitives.ReadUInt64LittleEndian(Read(address, 8));

    public void WriteQuadWord(ulong address, ulong value, IPeripheral? context = null, ulong? cpuState = null)
    {
        if (IsOfSmmu(address))
        {
            ((IQuadWordPeripheral)Smmu!).WriteQuadWord((long)(address - Registers), value);
        }
        else
        {
            Write(address, BitConverter.GetBytes(value));
        }
    }

    public void ReadBytes(
        ulong address, int count, byte[] destination, int startIndex, bool onlyMemory = false, IPeripheral? context = null) =>
        Read(address, count).CopyTo(destination.AsSpan(startIndex));

    public void WriteBytes(
        byte[] bytes, ulong address, int startingIndex, long count, bool onlyMemory = false, IPeripheral? context = null) =>
        Write(address, bytes.AsSpan(startingIndex, (int)count));

    public IPeripheral? WhatPeripheralIsAt(ulong address, IPeripheral? context = null) =>
        IsOfSmmu(address) ? Smmu : address == Doorbell || address < memory.Length ? this : null;

    private bool IsOfSmmu(ulong address) => address - Registers < (ulong)((IKnownSize)Smmu!).Size;

    private byte[] Read(ulong address, int count)
    {
        Accesses++;
        return address + (ulong)count <= memory.Length ? memory.CpuView.Span(address, count).ToArray() : new byte[count];
    }

    private void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        Accesses++;
        if (address + (ulong)bytes.Length <= memory.Length)
        {
            bytes.CopyTo(memory.CpuView.Span(address, bytes.Length));
        }
    }
}
