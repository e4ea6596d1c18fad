using System.Globalization;
using IommuKit.Checker.Rigs;
using IommuKit.Checker.Shadow;

namespace IommuKit.Checker.Scenarios;

/// <summary>A scenario on a configuration, perhaps with a planted bug: it can be run again and does the same.</summary>
/// <param name="Configuration">What is checked.</param>
/// <param name="Bug">The planted bug, or null.</param>
/// <param name="Operations">The operations, in order.</param>
/// <param name="Preemption">Which of them is interrupted by the next, if any.</param>
public sealed record CheckCase(
    CheckConfiguration Configuration, PlantedBug? Bug, IReadOnlyList<CheckOperation> Operations, Preemption? Preemption = null)
{
    private const char Separator = ',';
    private const char Interruption = '/';

    /// <summary>
    /// The scenario as text, which <see cref="TryParse"/> reads: operations with commas between them; <c>a/7/b</c> is b
    /// in the middle of a, before a's access 7.
    /// </summary>
    public string Text => string.Concat(Operations.Select((operation, index) => index == 0
        ? operation.ToString()
        : Preemption is { } preemption && preemption.Index == index - 1
            ? string.Create(CultureInfo.InvariantCulture, $"{Interruption}{preemption.Access}{Interruption}{operation}")
            : $"{Separator}{operation}"));

    /// <summary>Reads a scenario.</summary>
    /// <returns>False if the text is none.</returns>
    public static bool TryParse(string text, out IReadOnlyList<CheckOperation> operations, out Preemption? preemption)
    {
        ArgumentNullException.ThrowIfNull(text);
        var list = new List<CheckOperation>();
        operations = list;
        preemption = null;
        foreach (string part in text.Split(Separator, StringSplitOptions.TrimEntries))
        {
            string[] pieces = part.Split(Interruption);
            if (pieces.Length == 3)
            {
                if (preemption is not null || !int.TryParse(pieces[1], NumberStyles.None, CultureInfo.InvariantCulture, out int access))
                {
                    return false;
                }

                preemption = new Preemption(list.Count, access);
                pieces = [pieces[0], pieces[2]];
            }
            else if (pieces.Length != 1)
            {
                return false;
            }

            foreach (string piece in pieces)
            {
                if (!CheckOperation.TryParse(piece, out var operation))
                {
                    return false;
                }

                list.Add(operation);
            }
        }

        return true;
    }

    /// <summary>Runs it until the first violation, or to the end.</summary>
    /// <param name="log">Is told what the checker sees; or null.</param>
    /// <param name="between">Called before each access to the hardware, and between operations, and told which of the two; or null.</param>
    /// <param name="waste">Receives maintenance that is for nothing; or null.</param>
    /// <param name="measuredFrom">From which operation on.</param>
    public CheckOutcome Run(
        ICheckerLog? log = null, Action<CheckRig, bool>? between = null, WasteCounts? waste = null, int measuredFrom = 0)
    {
        using var machine = Configuration.CreateMachine();
        var run = new ScenarioRun(machine, Configuration);
        run.Sabotage = Bug?.Create(machine, run);
        var sabotage = run.Sabotage;
        bool isBetween = false;

        // What happens in between may fault, and the driver's handler then accesses registers: nothing happens between those.
        void Between(bool isAtOperation)
        {
            if (between is null || isBetween)
            {
                return;
            }

            isBetween = true;
            try
            {
                between(machine, isAtOperation);
            }
            finally
            {
                isBetween = false;
            }
        }

        run.Paused = () => Between(isAtOperation: false);
        if (sabotage is not null || between is not null || Preemption is not null)
        {
            machine.Filter = access =>
            {
                Between(isAtOperation: false);
                bool isLeftOut = sabotage?.Intercept(access) ?? false;
                run.CountAccess();
                return isLeftOut;
            };
        }

        machine.Checker.Log = log;
        log?.Watching(machine.Checker);
        run.Start();
        var least = default(LeastWork);
        Between(isAtOperation: true);
        for (int i = 0; i < Operations.Count && machine.Checker is { Violation: null, IsExhausted: false }; i++)
        {
            if (i == measuredFrom && waste is not null)
            {
                machine.Checker.StartCounting(waste);
            }

            bool isInterrupted = Preemption is { } preemption && preemption.Index == i && i + 1 < Operations.Count;
            if (run.Applies(Operations[i].Kind, Operations[i].Domain))
            {
                run.Do(Operations[i], isInterrupted ? Operations[i + 1] : null, Preemption?.Access ?? 0);
            }

            i += isInterrupted ? 1 : 0;
            Between(isAtOperation: true);
            least += machine.Checker.TakeLeast() ?? default;
        }

        int accesses = run.LastAccesses;
        if (machine.Checker is { Violation: null, IsExhausted: false })
        {
            run.Finish();
            Between(isAtOperation: true);
            least += machine.Checker.TakeLeast() ?? default;
        }

        return new CheckOutcome(machine.Checker.Violation, run.Started, machine.Checker.Steps, machine.Checker.IsExhausted, least, accesses);
    }
}
