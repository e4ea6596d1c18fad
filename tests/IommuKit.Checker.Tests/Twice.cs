using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Tests;

/// <summary>A driver that does everything again, so that each second time is for nothing.</summary>
internal sealed class Twice(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    public static PlantedBug Bug { get; } = new("twice", "everything is done again", "X", [], _ => true, (machine, run) => new Twice(machine, run));

    public override bool Intercept(in MaintenanceStep access)
    {
        if (IsWorking)
        {
            // Once here, once behind.
            Machine.Issue(access);
        }

        return false;
    }
}
