using System.CommandLine;
using IommuKit.Cli.Extensions;
using IommuKit.Cli.Runs;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Seed;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary>The options that say which machine is explained, and what its operations cost: costs as they are, or times to fit them to.</summary>
/// <param name="catalog">The IOMMUs that there are.</param>
internal sealed class CostSource(Catalog catalog)
{
    private readonly Option<string?> _iommu = new("--iommu", "--soc")
    {
        Description = $"The IOMMU: {string.Join(", ", catalog.Machines.Select(kind => kind.Name))}. Default: {SeedTable.Machine}.",
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

    private readonly CalibrationSource _calibration = new();

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_iommu, _costs, _measurements, .. _calibration.Options])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>The machine.</summary>
    public IommuKind MachineIn(ParseResult parsed)
    {
        var kind = Choices.Machine(catalog, parsed.GetValue(_iommu) ?? SeedTable.Machine);
        return !kind.HasQueue
            ? kind
            : throw new InputException(
                $"{_iommu.Name}: {kind.Name} takes commands from a queue, and causes are told apart by accesses of registers; 'bench' and 'replay' "
                + "can run it");
    }

    /// <summary>The files that are read.</summary>
    public IEnumerable<string> FilesIn(ParseResult parsed) =>
        [.. _calibration.FilesIn(parsed), .. new[] { parsed.GetValue(_costs), parsed.GetValue(_measurements) }.OfType<string>()];

    /// <summary>Reads the options; refuses what cannot be.</summary>
    public CostRequest CostsIn(ParseResult parsed)
    {
        string? costs = parsed.GetValue(_costs);
        string? measurements = parsed.GetValue(_measurements);
        if (costs is not null && (measurements is not null ? _measurements : _calibration.GivenIn(parsed)) is { } other)
        {
            throw new InputException(
                $"{_costs.Name}: this takes costs as they are; it does not go together with {other.Name}, which has them fitted");
        }

        if (measurements is not null && _calibration.WantsSeedTable(parsed))
        {
            throw new InputException("--seed-table and --measurements exclude each other");
        }

        return new CostRequest(costs is null ? null : CostFile.Find(costs), measurements, _calibration.OptionsIn(parsed));
    }
}
