using System.Globalization;
using IommuKit.Traces;

namespace IommuKit.Lab.Conform;

/// <summary>
/// Brings units into the states of a recorded boot, asks them what was asked then, and compares; and so with the commands of our driver for the maps and
/// unmaps of the recorded kernel.
/// </summary>
internal static class ConformRunner
{
    /// <summary>Compares a boot with the first of some kinds that recognises it.</summary>
    /// <param name="boot">The boot.</param>
    /// <param name="kinds">The kinds of IOMMU.</param>
    /// <exception cref="InputException">A file cannot be read, or no kind recognises the boot.</exception>
    public static ConformResult Run(RecordedBoot boot, IReadOnlyList<IConformKind> kinds)
    {
        ArgumentNullException.ThrowIfNull(boot);
        ArgumentNullException.ThrowIfNull(kinds);
        var run = new Comparison();
        IConformKind? kind = null;
        IConformDriver? driver = null;
        try
        {
            foreach (var snapshot in boot.Snapshots())
            {
                if (kind is null)
                {
                    kind = kinds.FirstOrDefault(one => one.Recognises(snapshot))
                        ?? throw new InputException($"{boot.Name}: the registers of {snapshot.Name} are of no IOMMU that is known here, "
                            + $"which are {string.Join(", ", kinds.Select(one => one.Name))}.");
                    driver = run.Drive(boot, kind, snapshot);
                }

                run.Add(snapshot, kind);
            }

            if (driver is not null)
            {
                run.Add(boot, driver);
            }
        }
        finally
        {
            driver?.Dispose();
        }

        if (kind is null)
        {
            throw new InputException($"{boot.Name}: there is no snapshot in it");
        }

        var result = run.Result(boot.Name, kind.Name);
        return result.Probes == 0 ? throw new InputException($"{boot.Name}: no access was recorded, so that there is nothing to compare") : result;
    }

    private sealed class Comparison
    {
        private readonly List<ConformDifference> _differences = [];
        private int _snapshots;
        private int _registers;
        private int _probes;
        private int _agree;
        private int _known;
        private int _unknown;
        private int _silent;
        private string? _notCompared;
        private GroupComparison? _groups;

        public void Add(BootSnapshot snapshot, IConformKind kind)
        {
            _snapshots++;
            var unit = Load(snapshot, kind);
            foreach (var register in snapshot.Registers)
            {
                _registers++;
                ulong seen = unit.ReadRegister(register.Offset, register.Size);
                if (seen != register.Value)
                {
                    Differ(snapshot, NameOf(register), Hex(register.Value), Hex(seen), known: null);
                }
            }

            _silent += snapshot.Probes.Count == 0 ? 1 : 0;
            foreach (var probe in snapshot.Probes)
            {
                _probes++;
                var seen = unit.Answer(probe);
                if (!probe.IsDisputed && seen.Agrees(probe.Answer))
                {
                    _agree++;
                }
                else
                {
                    string? known = kind.KnownDeviation(snapshot, probe, seen);
                    _known += known is null ? 0 : 1;
                    Differ(snapshot, probe.Text, probe.Answer.ToString(), seen.ToString(), known);
                }
            }
        }

        /// <summary>Our driver for the maps and unmaps of a boot; null, which the result explains, if they cannot be compared.</summary>
        public IConformDriver? Drive(RecordedBoot boot, IConformKind kind, BootSnapshot snapshot)
        {
            if (!boot.HasEvents)
            {
                _notCompared = "its maps and unmaps were not recorded: there is no oracle.txt";
                return null;
            }

            IConformDriver? driver;
            try
            {
                driver = kind.Drive(boot.Kernel, snapshot);
            }
            catch (ArgumentException e)
            {
                // A unit of somebody else may lack what our driver needs.
                _notCompared = $"our driver cannot drive this unit: {ArgumentText.Of(e)}";
                return null;
            }

            if (driver is null)
            {
                _notCompared = "our driver cannot drive this unit";
            }
            else if (driver.InvalidatesMaps && !boot.HasCommands)
            {
                _notCompared = "there is no commands.txt, which says what a command is for where maps have commands too";
                driver.Dispose();
                return null;
            }

            return driver;
        }

        public void Add(RecordedBoot boot, IConformDriver driver)
        {
            _groups = new GroupComparison(boot, driver);
            _groups.Run();
            foreach (var difference in _groups.Differences)
            {
                Differ(difference);
            }
        }

        public ConformResult Result(string boot, string iommu) => new(
            boot, iommu, _snapshots, _registers, _probes, _agree, _groups?.Count, _groups?.Equal, _groups?.LeftOut, _differences, _unknown)
        {
            KnownDeviations = _known,
            SilentSnapshots = _silent,
            NotCompared = _notCompared,
            DeferredSpaces = _groups?.Deferred,
        };

        private static IConformUnit Load(BootSnapshot snapshot, IConformKind kind)
        {
            try
            {
                return kind.Load(snapshot, snapshot.Memory.Layer());
            }
            catch (ArgumentException e)
            {
                // Registers that contradict one another, or claim what is not modelled.
                throw new InputException(
                    $"the registers of {snapshot.Name} are of no {kind.Name} that can be modelled: {ArgumentText.Of(e)}", e);
            }
        }

        private static string NameOf(BootRegister register) =>
            register.Name.Length != 0 ? register.Name : string.Create(CultureInfo.InvariantCulture, $"0x{register.Offset:x}");

        private static string Hex(ulong value) => value.ToString("x", CultureInfo.InvariantCulture);

        private void Differ(BootSnapshot snapshot, string line, string expected, string seen, string? known) =>
            Differ(new ConformDifference(snapshot.Name, line, expected, seen, known));

        private void Differ(ConformDifference difference)
        {
            _unknown += difference.Known is null ? 1 : 0;
            if (_differences.Count < ConformResult.MostDifferences)
            {
                _differences.Add(difference);
            }
        }
    }
}
