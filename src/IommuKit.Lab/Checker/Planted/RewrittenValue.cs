using IommuKit.Lab.Checker.Machines;
using IommuKit.Lab.Checker.Scenarios;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Checker.Planted;

/// <summary>The values of writes to one register are not what they should be.</summary>
internal sealed class RewrittenValue(CheckedMachine machine, ScenarioRun run, uint register, Func<ulong, ulong> rewrite) : Sabotage(machine, run)
{
    public override bool Intercept(in MaintenanceStep access)
    {
        if (access.Kind != MaintenanceKind.RegisterWrite || access.Address != register || !IsWorking)
        {
            return false;
        }

        Machine.Issue(access with { Value = rewrite(access.Value) });
        return true;
    }
}
