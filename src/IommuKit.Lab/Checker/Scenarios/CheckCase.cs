using IommuKit.Lab.Checker.Machines;
using IommuKit.Lab.Checker.Planted;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Checker.Scenarios;

/// <summary>A scenario on a configuration, perhaps with a planted bug: it can be run again and does the same.</summary>
/// <param name="Configuration">What is checked.</param>
/// <param name="Bug">The planted bug, or null.</param>
/// <param name="Operations">The operations, in order.</param>
public sealed record CheckCase(CheckConfiguration Configuration, PlantedBug? Bug, IReadOnlyList<CheckOperation> Operations)
{
    /// <summary>Runs it until the first violation, or to the end.</summary>
    /// <param name="log">Is told what the checker sees; or null.</param>
    /// <param name="between">Called before each access to the hardware, and between operations, and told which of the two; or null.</param>
    public CheckOutcome Run(ICheckerLog? log = null, Action<CheckedMachine, bool>? between = null)
    {
        using var machine = Configuration.CreateMachine();
        var run = new ScenarioRun(machine) { Sabotage = null };
        run.Sabotage = Bug?.Create(machine, run);
        var sabotage = run.Sabotage;
        if (sabotage is not null || between is not null)
        {
            machine.Filter = access => Intercept(access, machine, sabotage, between);
        }

        machine.Checker.Log = log;
        log?.Watching(machine.Checker);
        run.Start();
        between?.Invoke(machine, true);
        foreach (var operation in Operations)
        {
            if (machine.Checker.Violation is not null || machine.Checker.IsExhausted)
            {
                break;
            }

            if (run.Applies(operation.Kind, operation.Domain))
            {
                run.Do(operation);
                between?.Invoke(machine, true);
            }
        }

        return new CheckOutcome(machine.Checker.Violation, run.Started, machine.Checker.Steps, machine.Checker.IsExhausted);
    }

    /// <summary>The operations as text, which <see cref="TryParseOperations"/> reads.</summary>
    public string Text => string.Join(',', Operations);

    /// <summary>Reads operations.</summary>
    public static bool TryParseOperations(string text, out IReadOnlyList<CheckOperation> operations)
    {
        ArgumentNullException.ThrowIfNull(text);
        var list = new List<CheckOperation>();
        operations = list;
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!CheckOperation.TryParse(part, out var operation))
            {
                return false;
            }

            list.Add(operation);
        }

        return list.Count != 0;
    }

    private static bool Intercept(in MaintenanceStep access, CheckedMachine machine, Sabotage? sabotage, Action<CheckedMachine, bool>? between)
    {
        between?.Invoke(machine, false);
        return sabotage?.Intercept(access) ?? false;
    }
}
