using IommuKit.Checker.Rigs;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Scenarios;

/// <summary>A planted bug at work.</summary>
/// <param name="machine">The machine.</param>
/// <param name="run">The run, for what is being done.</param>
public abstract class Sabotage(CheckRig machine, ScenarioRun run)
{
    private readonly ShadowCommands _commands = new();
    private ICommandDecoder? _decoder;

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

    /// <summary>What an access does. A caller that asks about one asks about all, as one may depend on others before.</summary>
    protected ShadowCommands Decode(in MaintenanceStep access)
    {
        _commands.Clear();
        if (access.Kind is not (MaintenanceKind.Clean or MaintenanceKind.Barrier))
        {
            _decoder ??= machine.CreateDecoder();
            _decoder.Decode(access, _commands);
        }

        return _commands;
    }

    /// <summary>The driver accesses the hardware.</summary>
    /// <returns>Whether the access is left out.</returns>
    public abstract bool Intercept(in MaintenanceStep access);

    /// <summary>An operation has returned.</summary>
    public virtual void After()
    {
    }
}
