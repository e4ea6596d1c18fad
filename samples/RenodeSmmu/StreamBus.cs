using System.Buffers.Binary;
using Antmicro.Renode.Peripherals.Bus;
using IommuKit.Models.Dma;
using IommuKit.Models.Smmu3;

namespace Antmicro.Renode.Peripherals.MemoryControllers;

// The system bus behind the SMMU, for one stream. What the SMMU refuses reads as zeros, and is not written; its record is in the event queue.
public sealed class StreamBus(IBusController sysbus, Smmu3Model<BusMemory> smmu, uint streamId) : BusControllerProxy(sysbus)
{
    // A range of addresses may end anywhere, and what follows may be elsewhere or refused. The lease keeps an unmap from completing while what was
    // translated before it is still on its way.
    public override void ReadBytes(
        ulong address, int count, byte[] destination, int startIndex, bool onlyMemory = false, IPeripheral? context = null)
    {
        using var lease = smmu.Accesses.Enter();
        while (count > 0)
        {
            int bytes = Translate(ref address, count, isWrite: false, out ulong physical);
            if (bytes == 0)
            {
                Array.Clear(destination, startIndex, count);
                return;
            }

            ParentController.ReadBytes(physical, bytes, destination, startIndex, onlyMemory, context);
            startIndex += bytes;
            count -= bytes;
        }
    }

    public override void WriteBytes(
        byte[] bytes, ulong address, int startingIndex, long count, bool onlyMemory = false, IPeripheral? context = null)
    {
        using var lease = smmu.Accesses.Enter();
        while (count > 0)
        {
            int part = Translate(ref address, count, isWrite: true, out ulong physical);
            if (part == 0)
            {
                return;
            }

            ParentController.WriteBytes(bytes, physical, startingIndex, part, onlyMemory, context);
            startingIndex += part;
            count -= part;
        }
    }

    // Words keep their width, as registers of peripherals need it; but those that lie across two pages are bytes.
    public override ushort ReadWord(ulong address, IPeripheral? context = null, ulong? cpuState = null) => address % sizeof(ushort) == 0
        ? base.ReadWord(address, context, cpuState)
        : BinaryPrimitives.ReadUInt16LittleEndian(Read(address, sizeof(ushort), context));

    public override uint ReadDoubleWord(ulong address, IPeripheral? context = null, ulong? cpuState = null) => address % sizeof(uint) == 0
        ? base.ReadDoubleWord(address, context, cpuState)
        : BinaryPrimitives.ReadUInt32LittleEndian(Read(address, sizeof(uint), context));

    public override ulong ReadQuadWord(ulong address, IPeripheral? context = null, ulong? cpuState = null) => address % sizeof(ulong) != 0
        ? BinaryPrimitives.ReadUInt64LittleEndian(Read(address, sizeof(ulong), context))
        : ValidateOperation(ref address, BusAccessPrivileges.Read, context) ? ParentController.ReadQuadWord(address, context, cpuState)
        : 0;

    public override void WriteWord(ulong address, ushort value, IPeripheral? context = null, ulong? cpuState = null)
    {
        if (address % sizeof(ushort) == 0)
        {
            base.WriteWord(address, value, context, cpuState);
        }
        else
        {
            WriteBytes(BitConverter.GetBytes(value), address, 0, sizeof(ushort), onlyMemory: false, context);
        }
    }

    public override void WriteDoubleWord(ulong address, uint value, IPeripheral? context = null, ulong? cpuState = null)
    {
        if (address % sizeof(uint) == 0)
        {
            base.WriteDoubleWord(address, value, context, cpuState);
        }
        else
        {
            WriteBytes(BitConverter.GetBytes(value), address, 0, sizeof(uint), onlyMemory: false, context);
        }
    }

    public override void WriteQuadWord(ulong address, ulong value, IPeripheral? context = null, ulong? cpuState = null)
    {
        if (address % sizeof(ulong) != 0)
        {
            WriteBytes(BitConverter.GetBytes(value), address, 0, sizeof(ulong), onlyMemory: false, context);
        }
        else if (ValidateOperation(ref address, BusAccessPrivileges.Write, context))
        {
            ParentController.WriteQuadWord(address, value, context, cpuState);
        }
    }

    // One byte or aligned word: Renode asks here before it goes on to the system bus by the address that it finds then.
    protected override bool ValidateOperation(ref ulong address, BusAccessPrivileges accessType, IPeripheral? context = null)
    {
        ulong device = address;
        return Translate(ref device, 1, (accessType & BusAccessPrivileges.Write) != 0, out address) != 0;
    }

    private byte[] Read(ulong address, int count, IPeripheral? context)
    {
        byte[] bytes = new byte[count];
        ReadBytes(address, count, bytes, 0, onlyMemory: false, context);
        return bytes;
    }

    // How many bytes from an address on lie together, which is moved behind them; 0 if the SMMU refuses.
    private int Translate(ref ulong address, long count, bool isWrite, out ulong physical)
    {
        var answer = smmu.Translate(new Smmu3Request(streamId, address, isWrite ? Smmu3Access.Write : Smmu3Access.Read));
        if (answer.Outcome != Smmu3Outcome.Allowed)
        {
            physical = address;
            return 0;
        }

        physical = answer.Range.PhysicalOf(address);
        int bytes = (int)Math.Min((ulong)Math.Min(count, int.MaxValue), answer.Range.BytesFrom(address));
        address += (ulong)bytes;
        return bytes;
    }
}
