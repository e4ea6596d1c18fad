using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>What is for the TLBs of devices (ATC_INV) stands in the queue before what is for the SMMU's.</summary>
internal sealed class DevicesFirst(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    private readonly Smmu3CommandCursor _queue = new((Smmu3Machine)((IMachineRig)machine).Machine);

    public override bool Intercept(in MaintenanceStep access)
    {
        if (access is { Kind: MaintenanceKind.RegisterWrite, Address: Smmu3Register.CommandProducer })
        {
            var commands = _queue.Advance((uint)access.Value);
            if (IsWorking && commands.Exists(one => one.Command.Code == Smmu3CommandCode.DropDeviceTlb))
            {
                // The CMD_SYNCs stay in their places at the end of what is before and behind them.
                var (isSync, rest) = (commands.ConvertAll(one => one.Command.Code == Smmu3CommandCode.Sync), new Queue<Smmu3Command>(commands
                    .Where(one => one.Command.Code != Smmu3CommandCode.Sync)
                    .OrderBy(one => one.Command.Code != Smmu3CommandCode.DropDeviceTlb)
                    .Select(one => one.Command)));
                for (int i = 0; i < isSync.Count; i++)
                {
                    if (!isSync[i])
                    {
                        var command = rest.Dequeue();
                        Machine.Scribble(commands[i].Address, command.Lower);
                        Machine.Scribble(commands[i].Address + sizeof(ulong), command.Upper);
                        Machine.WriteBack(commands[i].Address);
                    }
                }
            }
        }

        return false;
    }
}
