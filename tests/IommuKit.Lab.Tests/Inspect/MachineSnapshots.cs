using IommuKit.Lab.Conform;
using IommuKit.Lab.Inspect;
using IommuKit.Lab.Iommus.Smmu2;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Specs.Smmu2;
using IommuKit.Specs.Smmu3;
using IommuKit.Specs.Vtd;

namespace IommuKit.Lab.Tests.Inspect;

/// <summary>Registers and memory of machines of ours, as somebody would dump them.</summary>
internal static class MachineSnapshots
{
    public static InspectInput Of(Smmu2Machine machine, Smmu2Unit unit)
    {
        var model = machine.Model!;
        var registers = new List<BootRegister>();
        foreach (uint offset in (uint[])[Smmu2Global.Idr0, Smmu2Global.Idr1, Smmu2Global.Idr2, Smmu2Global.Idr7])
        {
            Add(BootRegisterKind.Capability, offset);
        }

        Add(BootRegisterKind.Written, Smmu2Global.Control0);
        Add(BootRegisterKind.Status, Smmu2Global.FaultStatus);
        for (uint group = 0; group < unit.StreamCount; group++)
        {
            Add(BootRegisterKind.Written, Smmu2Global.StreamMatch + (group * 4));
            Add(BootRegisterKind.Written, Smmu2Global.StreamContext + (group * 4));
        }

        for (int bank = 0; bank < unit.BankCount; bank++)
        {
            uint routing = (1u << unit.PageShift) + ((uint)bank * 4);
            Add(BootRegisterKind.Written, routing + Smmu2Routing.Attributes);
            Add(BootRegisterKind.Written, routing + Smmu2Routing.Attributes2);
            uint start = unit.OffsetOf(bank);
            foreach (uint offset in (uint[])
                [Smmu2Bank.SystemControl, Smmu2Bank.Control2, Smmu2Bank.TableControl, Smmu2Bank.ContextId, Smmu2Bank.FaultStatus])
            {
                Add(BootRegisterKind.Written, start + offset);
            }

            // The first as two halves, as debuggers dump it.
            Add(BootRegisterKind.Written, start + Smmu2Bank.Table0);
            Add(BootRegisterKind.Written, start + Smmu2Bank.Table0 + 4);
            registers.Add(new BootRegister(
                BootRegisterKind.Written, start + Smmu2Bank.Table1, 8, model.Read64(start + Smmu2Bank.Table1), string.Empty));
        }

        return new InspectInput(machine.Name, registers, machine.Memory.DeviceView);

        void Add(BootRegisterKind kind, uint offset) => registers.Add(new BootRegister(kind, offset, 4, model.Read32(offset), string.Empty));
    }

    public static InspectInput Of(VtdMachine machine)
    {
        var model = machine.Model!;
        return new InspectInput(
            machine.Name,
            [
                .. ((uint[])[VtdRegister.Capability, VtdRegister.ExtendedCapability])
                    .Select(offset => new BootRegister(BootRegisterKind.Capability, offset, 8, model.Read64(offset), string.Empty)),
                .. ((uint[])[VtdRegister.GlobalStatus, VtdRegister.FaultStatus, VtdRegister.FaultEvent])
                    .Select(offset => new BootRegister(BootRegisterKind.Written, offset, 4, model.Read32(offset), string.Empty)),
                .. ((uint[])[VtdRegister.RootTable, VtdRegister.QueueAddress, VtdRegister.InterruptTable])
                    .Select(offset => new BootRegister(BootRegisterKind.Written, offset, 8, model.Read64(offset), string.Empty)),
            ],
            machine.Memory.DeviceView);
    }

    public static InspectInput Of(Smmu3Machine machine)
    {
        var model = machine.Model!;
        uint[] capabilities =
            [Smmu3Register.Idr0, Smmu3Register.Idr1, Smmu3Register.Idr3, Smmu3Register.Idr5, Smmu3Register.Iidr, Smmu3Register.Aidr];
        uint[] words =
        [
            Smmu3Register.Control0, Smmu3Register.GlobalBypass, Smmu3Register.StreamTableConfig, Smmu3Register.CommandProducer,
            Smmu3Register.CommandConsumer, Smmu3Register.EventProducer, Smmu3Register.EventConsumer, Smmu3Register.GlobalError,
            Smmu3Register.GlobalErrorAck,
        ];
        uint[] wide = [Smmu3Register.StreamTable, Smmu3Register.CommandQueue, Smmu3Register.EventQueue];
        return new InspectInput(
            machine.Name,
            [
                .. capabilities.Select(offset => new BootRegister(BootRegisterKind.Capability, offset, 4, model.Read32(offset), string.Empty)),
                .. words.Select(offset => new BootRegister(BootRegisterKind.Written, offset, 4, model.Read32(offset), string.Empty)),
                .. wide.Select(offset => new BootRegister(BootRegisterKind.Written, offset, 8, model.Read64(offset), string.Empty)),
            ],
            machine.Memory.DeviceView);
    }
}
