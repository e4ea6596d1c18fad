using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Planted;

/// <summary>Only the first line of each run is cleaned: the length is taken for a number of entries, or not looked at.</summary>
internal sealed class ShortClean(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    private const ulong OneEntry = 4;

    public override bool Intercept(in MaintenanceStep access)
    {
        if (access.Kind != MaintenanceKind.Clean || !IsWorking)
        {
            return false;
        }

        Machine.Issue(access with { Value = OneEntry });
        return true;
    }
}
