using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Arm;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>Some commands in the queue are not what they should be.</summary>
/// <param name="machine">The machine.</param>
/// <param name="run">The run.</param>
/// <param name="during">During operations of which kind; null for all that change mappings.</param>
/// <param name="edit">Makes of a command what it becomes.</param>
internal sealed class EditedCommands(
    CheckRig machine, ScenarioRun run, CheckOperationKind? during, Func<Smmu3Command, Smmu3Command> edit)
    : Sabotage(machine, run)
{
    private readonly Smmu3QueueCursor _queue = new((Smmu3Machine)((MachineRig<ArmLpae<ArmGranule4K, ArmStage1>>)machine).Machine);

    /// <summary>A command that does nothing to anybody: a prefetch.</summary>
    public static Smmu3Command Nothing { get; } = new((ulong)Smmu3CommandCode.PrefetchConfig, 0);

    public override bool Intercept(in MaintenanceStep access)
    {
        if (access is { Kind: MaintenanceKind.RegisterWrite, Address: Smmu3Register.CommandProducer })
        {
            bool isMeant = during is null ? IsWorking : Run.IsBusy && Run.Current.Kind == during;
            foreach (var (address, command) in _queue.Advance((uint)access.Value))
            {
                if (isMeant && edit(command) is var edited && edited != command)
                {
                    Machine.Scribble(address, edited.Lower);
                    Machine.Scribble(address + sizeof(ulong), edited.Upper);
                    Machine.WriteBack(address);
                }
            }
        }

        return false;
    }
}
