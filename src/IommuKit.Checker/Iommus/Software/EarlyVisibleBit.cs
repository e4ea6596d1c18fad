using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Iommus.Software;

/// <summary>Pointers to tables are marked as cleaned when their clean begins, not when it is done.</summary>
internal sealed class EarlyVisibleBit(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    public override bool Intercept(in MaintenanceStep access)
    {
        if (access.Kind == MaintenanceKind.Clean && IsWorking)
        {
            Machine.MarkVisible(access.Address, access.Value);
        }

        return false;
    }
}
