using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Planted;

/// <summary>Of neighbouring invalidations of one kind only the first is done, as in NVIDIA's kernel 5.10.</summary>
internal sealed class OnlyFirstOfRun(CheckRig machine, ScenarioRun run, uint register) : Sabotage(machine, run)
{
    private bool _isDone;

    public override bool Intercept(in MaintenanceStep access)
    {
        if (access.Kind != MaintenanceKind.RegisterWrite)
        {
            _isDone = false;
            return false;
        }

        if (access.Address != register || !IsWorking)
        {
            return false;
        }

        bool isLater = _isDone;
        _isDone = true;
        return isLater;
    }
}
