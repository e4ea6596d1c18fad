namespace Antmicro.Renode.Peripherals.Bus;

// A bus in front of another one, which may change addresses and refuse accesses.
public abstract class BusControllerProxy(IBusController parentController) : IBusController
{
    public virtual IBusController ParentController { get; protected set; } = parentController;

    public virtual byte ReadByte(ulong address, IPeripheral? context = null, ulong? cpuState = null) =>
        ValidateOperation(ref address, BusAccessPrivileges.Read, context) ? ParentController.ReadByte(address, context, cpuState) : (byte)0;

    public virtual void WriteByte(ulong address, byte value, IPeripheral? context = null, ulong? cpuState = null)
    {
        if (ValidateOperation(ref address, BusAccessPrivileges.Write, context))
        {
            ParentController.WriteByte(address, value, context, cpuState);
        }
    }

    public virtual ushort ReadWord(ulong address, IPeripheral? context = null, ulong? cpuState = null) =>
        ValidateOperation(ref address, BusAccessPrivileges.Read, context) ? ParentController.ReadWord(address, context, cpuState) : (ushort)0;

    public virtual void WriteWord(ulong address, ushort value, IPeripheral? context = null, ulong? cpuState = null)
    {
        if (ValidateOperation(ref address, BusAccessPrivileges.Write, context))
        {
            ParentController.WriteWord(address, value, context, cpuState);
        }
    }

    public virtual uint ReadDoubleWord(ulong address, IPeripheral? context = null, ulong? cpuState = null) =>
        ValidateOperation(ref address, BusAccessPrivileges.Read, context) ? ParentController.ReadDoubleWord(address, context, cpuState) : 0;

    public virtual void WriteDoubleWord(ulong address, uint value, IPeripheral? context = null, ulong? cpuState = null)
    {
        if (ValidateOperation(ref address, BusAccessPrivileges.Write, context))
        {
            ParentController.WriteDoubleWord(address, value, context, cpuState);
        }
    }

    // Renode has released versions that hand these two on unchanged.
    public virtual ulong ReadQuadWord(ulong address, IPeripheral? context = null, ulong? cpuState = null) =>
        ParentController.ReadQuadWord(address, context, cpuState);

    public virtual void WriteQuadWord(ulong address, ulong value, IPeripheral? context = null, ulong? cpuState = null) =>
        ParentController.WriteQuadWord(address, value, context, cpuState);

    public virtual void ReadBytes(
        ulong address, int count, byte[] destination, int startIndex, bool onlyMemory = false, IPeripheral? context = null)
    {
        if (ValidateOperation(ref address, BusAccessPrivileges.Read, context))
        {
            ParentController.ReadBytes(address, count, destination, startIndex, onlyMemory, context);
        }
    }

    public virtual void WriteBytes(
        byte[] bytes, ulong address, int startingIndex, long count, bool onlyMemory = false, IPeripheral? context = null)
    {
        if (ValidateOperation(ref address, BusAccessPrivileges.Write, context))
        {
            ParentController.WriteBytes(bytes, address, startingIndex, count, onlyMemory, context);
        }
    }

    public virtual IPeripheral? WhatPeripheralIsAt(ulong address, IPeripheral? context = null)
    {
        ValidateOperation(ref address, BusAccessPrivileges.Other, context);
        return ParentController.WhatPeripheralIsAt(address, context);
    }

    protected virtual bool ValidateOperation(ref ulong address, BusAccessPrivileges accessType, IPeripheral? context = null) => true;
}
