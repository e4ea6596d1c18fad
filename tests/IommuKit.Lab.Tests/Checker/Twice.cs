using IommuKit.Lab.Checker.Machines;
using IommuKit.Lab.Checker.Planted;
using IommuKit.Lab.Checker.Scenarios;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Tests.Checker;

/// <summary>A driver that does everything again, so that each second time is for nothing.</summary>
internal sealed class Twice(CheckedMachine machine, ScenarioRun run) : Sabotage(machine, run)
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
