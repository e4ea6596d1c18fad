using System.CommandLine;
using IommuKit.Cli.Extensions;
using IommuKit.Cli.Runs;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;
using IommuKit.Lab.Seed;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary>The options that say which machine is explained, and what its operations cost: costs as they are, or times to fit them to.</summary>
/// <param name="catalog">The IOMMUs that there are.</param>
internal sealed class CostSource(Catalog catalog)
{
    private readonly Option<string?> _iommu = new("--iommu", "--soc")
    {
        Description = $"The IOMMU: {string.Join(", ", catalog.Machines.Select(kind => kind.Name))}. Default: {SeedTable.Machine}; for traces, one of the "
            + "kind that they were recorded on, if they say so, or that can translate their IOVAs.",
        HelpName = "NAME",
    };

    private readonly Option<string?> _costs = new("--costs")
    {
        Description = $"Take these costs, without intervals: a file, or {string.Join(", ", CostFile.BuiltIn.Select(vector => vector.Name))}.",
        HelpName = "FILE|NAME",
    };

    private readonly Option<string?> _measurements = new("--measurements")
    {
        Description = "Fit the costs to these times (CSV, see docs/cost-model.md). Default: the proposal's table.",
        HelpName = "FILE",
    };

    // Those alone that a trace can choose: who asks for others wants a replay.
    private readonly (TuningOption Tuning, Option<string?> Option)[] _tuning =
    [
        .. catalog.Tuning.Where(tuning => tuning.RecordedBy is not null).Select(tuning => (
            tuning, new Option<string?>($"--{tuning.Name}") { Description = $"For a trace: {tuning.Description}", HelpName = tuning.HelpName })),
    ];

    private readonly CalibrationSource _calibration = new();

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_iommu, .. _tuning.Select(tuning => tuning.Option), _costs, _measurements, .. _calibration.Options])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>
    /// The machine and how its driver is tuned. What was not named is as traces show it: one of the kind that they were recorded on, if they say so, or
    /// that can translate their IOVAs, as that of the proposal mostly can, and the rules of their kernels.
    /// </summary>
    /// <param name="parsed">What the user typed.</param>
    /// <param name="traces">The traces that it is about; empty if it is about sizes.</param>
    public (IommuKind Kind, ReplayTuning Tuning) MachineIn(ParseResult parsed, IReadOnlyCollection<string> traces)
    {
        var origins = RecordedOrigins.Of(traces);
        var kind = parsed.GetValue(_iommu) is { } name ? Choices.Machine(catalog, name) : origins.ForReplay(catalog, SeedTable.Machine);
        var values = origins.TuningFor([kind]);
        foreach (var (tuning, option) in _tuning)
        {
            if (parsed.GetValue(option) is { } text)
            {
                string? why = traces.Count == 0 ? "this is for a trace; name one"
                    : !kind.Tuning.Contains(tuning) ? $"{kind.Name} cannot be tuned so"
                    : null;
                values = why is null ? values.With(tuning, Choices.Tuning(tuning, option.Name, text)) : throw new InputException($"{option.Name}: {why}");
            }
        }

        return (kind, new ReplayTuning { Settings = new MachineSettings { Tuning = values } });
    }

    /// <summary>Whether the user named a machine.</summary>
    public bool NamesMachine(ParseResult parsed) => parsed.GetValue(_iommu) is not null;

    /// <summary>Whether neither a machine nor costs were chosen, so that it is about those of the proposal.</summary>
    public bool IsOfProposal(ParseResult parsed) =>
        parsed.GetValue(_iommu) is null && parsed.GetValue(_costs) is null && parsed.GetValue(_measurements) is null;

    /// <summary>The files that are read.</summary>
    public IEnumerable<string> FilesIn(ParseResult parsed) =>
        [.. _calibration.FilesIn(parsed), .. new[] { parsed.GetValue(_costs), parsed.GetValue(_measurements) }.OfType<string>()];

    /// <summary>Reads the options; refuses what cannot be.</summary>
    /// <param name="parsed">What the user typed.</param>
    /// <param name="kind">The machine.</param>
    public CostRequest CostsIn(ParseResult parsed, IommuKind kind)
    {
        string? costs = parsed.GetValue(_costs);
        string? measurements = parsed.GetValue(_measurements);
        if (costs is not null && (measurements is not null ? _measurements : _calibration.GivenIn(parsed)) is { } other)
        {
            throw new InputException(
                $"{_costs.Name}: this takes costs as they are; it does not go together with {other.Name}, which has them fitted");
        }

        // Nothing is fitted for commands in a queue, nor where nobody asks for it and the IOMMU has costs of its own.
        Option? fitted = measurements is not null ? _measurements : _calibration.FittedIn(parsed);
        if (costs is null && kind.HasQueue && fitted is not null)
        {
            throw new InputException(
                $"{fitted.Name}: costs of {kind.Name}, which takes commands from a queue, are not fitted to times; --costs takes them as they are");
        }

        if (costs is null && fitted is null && (kind.HasQueue || kind.Costs is not null))
        {
            return new CostRequest(CostFile.Of(kind), null, _calibration.OptionsIn(parsed));
        }

        if (measurements is not null && _calibration.WantsSeedTable(parsed))
        {
            throw new InputException("--seed-table and --measurements exclude each other");
        }

        return new CostRequest(costs is null ? null : CostFile.Find(costs), measurements, _calibration.OptionsIn(parsed));
    }
}
