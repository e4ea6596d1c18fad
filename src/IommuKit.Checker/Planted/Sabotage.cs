using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Planted;

/// <summary>A planted bug at work.</summary>
/// <param name="machine">The machine.</param>
/// <param name="run">The run, for what is being done.</param>
public abstract class Sabotage(CheckRig machine, ScenarioRun run)
{
    /// <summary>The machine.</summary>
    protected CheckRig Machine => machine;

    /// <summary>The run.</summary>
    protected ScenarioRun Run => run;

    /// <summary>Whether a map is under way.</summary>
    protected bool IsMapping => run is { IsBusy: true, Current.Kind: CheckOperationKind.Map or CheckOperationKind.Scatter };

    /// <summary>Whether an unmap is under way.</summary>
    protected bool IsUnmapping => run is { IsBusy: true, Current.Kind: CheckOperationKind.Unmap };

    /// <summary>Whether an operation on mappings is under way, not the set-up of hardware.</summary>
    protected bool IsWorking => run is { IsBusy: true, Current.Kind: not (CheckOperationKind.Attach or CheckOperationKind.Detach) };

    /// <summary>An operation is about to begin.</summary>
    public virtual void Before()
    {
    }

    /// <summary>The driver accesses the hardware.</summary>
    /// <returns>Whether the access is left out.</returns>
    public abstract bool Intercept(in MaintenanceStep access);

    /// <summary>An operation has returned.</summary>
    public virtual void After()
    {
    }
}
