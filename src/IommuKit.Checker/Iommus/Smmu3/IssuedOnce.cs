using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>Of the invalidations that stand in the queue twice, with a CMD_SYNC behind each, the second ones are missing.</summary>
internal sealed class IssuedOnce(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    private readonly Smmu3CommandCursor _queue = new((Smmu3Machine)((IMachineRig)machine).Machine);
    private readonly HashSet<Smmu3Command> _issued = [];

    public override bool Intercept(in MaintenanceStep access)
    {
        if (access is { Kind: MaintenanceKind.RegisterWrite, Address: Smmu3Register.CommandProducer })
        {
            _issued.Clear();
            foreach (var (address, command) in _queue.Advance((uint)access.Value))
            {
                if (IsWorking && Smmu3Bugs.IsOfTlb(command) && !_issued.Add(command))
                {
                    Machine.Scribble(address, EditedCommands.Nothing.Lower);
                    Machine.Scribble(address + sizeof(ulong), EditedCommands.Nothing.Upper);
                    Machine.WriteBack(address);
                }
            }
        }

        return false;
    }
}
