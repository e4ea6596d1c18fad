using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Planted;

/// <summary>Accesses of some kind are left out during operations of some kind.</summary>
internal sealed class Omission(CheckRig machine, ScenarioRun run, CheckOperationKind? during, Func<MaintenanceStep, ShadowCommands, bool> isLeftOut)
    : Sabotage(machine, run)
{
    public override bool Intercept(in MaintenanceStep access)
    {
        // A decoder has to see all accesses.
        var commands = Decode(access);

        // A driver whose commands do not reach hardware has nothing done at all, which nobody misses.
        bool isOfQueue = access.Kind == MaintenanceKind.Clean && !Machine.IsOfTables(access.Address);
        return !isOfQueue && (during is null ? IsWorking : Run.IsBusy && Run.Current.Kind == during) && isLeftOut(access, commands);
    }
}
