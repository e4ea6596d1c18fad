using System.CommandLine;
using IommuKit.Analysis.Calibration;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Seed;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary>The options that say what costs are fitted to, and how.</summary>
internal sealed class CalibrationSource
{
    private readonly Option<bool> _seedTable = new("--seed-table")
    {
        Description = $"Fit to the 48 times in the proposal's own table ({SeedTable.Machine}, 2015).",
    };

    private readonly Option<string?> _prior = new("--prior")
    {
        Description = "What is known of costs beside the times: the components with a width_us of a cost file or of built-in costs; for a trace, "
            + $"all that it does not tell. Default: {CostFile.Default.Name}; for a trace, the costs of the IOMMU that it was recorded on.",
        HelpName = "FILE|NAME",
    };

    private readonly Option<bool> _noPrior = new("--no-prior")
    {
        Description = "Let the times speak alone; intervals then contain all costs that explain them as well.",
    };

    private readonly Option<string?> _resamples = new("--resamples")
    {
        Description = "Resamples for 90 % intervals. Default: 1000.",
        HelpName = "N",
    };

    private readonly Option<string?> _seed = new("--seed")
    {
        Description = "Starts the random numbers of the resamples; the same seed gives the same intervals. Default: 1.",
        HelpName = "N",
    };

    /// <summary>The options.</summary>
    public IReadOnlyList<Option> Options => [_seedTable, _prior, _noPrior, _resamples, _seed];

    /// <summary>The files that are read.</summary>
    public IEnumerable<string> FilesIn(ParseResult parsed) => parsed.GetValue(_prior) is { } file ? [file] : [];

    /// <summary>Whether one of the options was given.</summary>
    public Option? GivenIn(ParseResult parsed) => Options.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false });

    /// <summary>The option that says what is fitted, if one was given; the others only say how.</summary>
    public Option? FittedIn(ParseResult parsed) =>
        new Option[] { _seedTable, _prior, _noPrior }.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false });

    /// <summary>Whether the proposal's table was asked for.</summary>
    public bool WantsSeedTable(ParseResult parsed) => parsed.GetValue(_seedTable);

    /// <summary>Reads the options; refuses what cannot be.</summary>
    /// <param name="parsed">What the user typed.</param>
    /// <param name="usual">The costs that priors are taken from if none are named; null for the proposal's machine.</param>
    public CalibrationOptions OptionsIn(ParseResult parsed, string? usual = null)
    {
        if (parsed.GetValue(_noPrior) && parsed.GetValue(_prior) is not null)
        {
            throw new InputException("--prior and --no-prior exclude each other");
        }

        var prior = parsed.GetValue(_noPrior) ? null : (parsed.GetValue(_prior) ?? usual) is { } name ? CostFile.Find(name) : CostFile.Default;
        var options = new CalibrationOptions { Prior = new CostPrior(prior) };
        if (parsed.GetValue(_resamples) is { } text)
        {
            int resamples = Choices.Number(_resamples.Name, text);
            options = resamples is >= CalibrationOptions.MinResamples and <= CalibrationOptions.MaxResamples
                ? options with { Resamples = resamples }
                : throw new InputException(
                    $"{_resamples.Name}: {resamples} is not between {CalibrationOptions.MinResamples} and {CalibrationOptions.MaxResamples}");
        }

        return parsed.GetValue(_seed) is { } seed ? options with { Seed = Choices.Number(_seed.Name, seed) } : options;
    }
}
