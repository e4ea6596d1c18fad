using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Planted;

/// <summary>Some accesses are not what they should be.</summary>
internal sealed class Rewritten(
    CheckRig machine, ScenarioRun run, Func<MaintenanceStep, bool> isMeant, Func<MaintenanceStep, MaintenanceStep> rewrite)
    : Sabotage(machine, run)
{
    public override bool Intercept(in MaintenanceStep access)
    {
        if (!IsWorking || !isMeant(access))
        {
            return false;
        }

        Machine.Issue(rewrite(access));
        return true;
    }
}
