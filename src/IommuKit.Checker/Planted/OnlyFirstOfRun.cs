using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Planted;

/// <summary>Of neighbouring invalidations of one kind only the first is done, as in NVIDIA's kernel 5.10.</summary>
internal sealed class OnlyFirstOfRun(CheckRig machine, ScenarioRun run, ShadowCommandKind kind) : Sabotage(machine, run)
{
    private bool _isDone;

    public override bool Intercept(in MaintenanceStep access)
    {
        var commands = Decode(access).All;
        if (access.Kind != MaintenanceKind.RegisterWrite)
        {
            _isDone = false;
            return false;
        }

        if (commands is not [var command] || !IsMeant(command.Kind) || !IsWorking)
        {
            return false;
        }

        bool isLater = _isDone;
        _isDone = true;
        return isLater;
    }

    // Hardware that cannot leave tables out drops them with every translation.
    private bool IsMeant(ShadowCommandKind found) =>
        found == kind || (found == ShadowCommandKind.DropTranslationsAndTables && kind == ShadowCommandKind.DropTranslations);
}
