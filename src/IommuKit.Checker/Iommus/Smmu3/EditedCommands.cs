using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>Some commands in the queue are not what they should be.</summary>
/// <param name="machine">The machine.</param>
/// <param name="run">The run.</param>
/// <param name="during">During operations of which kind; null for all that change mappings.</param>
/// <param name="edit">Makes of a command what it becomes; told whether it is the first of several of its kind that are handed over together.</param>
internal class EditedCommands(CheckRig machine, ScenarioRun run, CheckOperationKind? during, Func<Smmu3Command, bool, Smmu3Command> edit)
    : Sabotage(machine, run)
{
    private readonly Smmu3CommandCursor _queue = new((Smmu3Machine)((IMachineRig)machine).Machine);

    /// <summary>A command that does nothing to anybody: a prefetch.</summary>
    public static Smmu3Command Nothing { get; } = new((ulong)Smmu3CommandCode.PrefetchConfig, 0);

    /// <summary>Whether commands of the operation that is under way are meant; not those that set the machine up.</summary>
    protected virtual bool IsMeant => Run.Started != 0 && (during is null ? IsWorking : Run.IsBusy && Run.Current.Kind == during);

    public override bool Intercept(in MaintenanceStep access)
    {
        if (access is { Kind: MaintenanceKind.RegisterWrite, Address: Smmu3Register.CommandProducer })
        {
            var commands = _queue.Advance((uint)access.Value);
            for (int i = 0; i < commands.Count && IsMeant; i++)
            {
                var (address, command) = commands[i];
                bool isFirstOfSeveral = commands[..i].All(other => other.Command.Code != command.Code)
                    && commands[(i + 1)..].Any(other => other.Command.Code == command.Code);
                if (edit(command, isFirstOfSeveral) is var edited && edited != command)
                {
                    // Behind the driver's own clean, where it takes one.
                    Machine.Scribble(address, edited.Lower);
                    Machine.Scribble(address + sizeof(ulong), edited.Upper);
                    Machine.WriteBack(address);
                }
            }
        }

        return false;
    }
}
