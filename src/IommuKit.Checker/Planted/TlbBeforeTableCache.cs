using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Mmio;

namespace IommuKit.Checker.Planted;

/// <summary>The table cache is invalidated after the TLB, just before the wait.</summary>
internal sealed class TlbBeforeTableCache(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    private readonly List<MaintenanceStep> _held = [];

    public override bool Intercept(in MaintenanceStep access)
    {
        if (access.Kind == MaintenanceKind.RegisterWrite && access.Purpose == RegisterPurpose.TableCacheInvalidation && IsWorking)
        {
            _held.Add(access);
            return true;
        }

        if (access.Kind == MaintenanceKind.RegisterRead)
        {
            _held.ForEach(step => Machine.Issue(step));
            _held.Clear();
        }

        return false;
    }
}
