using System.CommandLine;
using IommuKit.Cli.Extensions;
using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;
using IommuKit.Lab.Seed;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary>The options that say what work is run on: IOMMUs, policies, tuning, costs.</summary>
/// <param name="catalog">The IOMMUs that there are.</param>
internal sealed class RunOptions(Catalog catalog)
{
    private readonly Option<string[]> _iommu = new("--iommu", "--soc")
    {
        Description = $"IOMMUs: {string.Join(", ", catalog.Machines.Select(kind => kind.Name))}, all. "
            + $"Default: {SeedTable.Machine}; in a replay, one of the kind that the traces were recorded on, if they say so, or that can translate their IOVAs.",
        HelpName = "NAME,…",
    };

    private readonly Option<string[]> _policy = new("--policy", "-p")
    {
        Description = $"Flush policies: {string.Join(", ", Enum.GetNames<SyncPolicy>())}, all. Default: all.",
        HelpName = "NAME,…",
    };

    private readonly Option<string?> _flushAll = new("--flush-all")
    {
        Description = "From this many pages on, flush everything instead of ranges. 0: never.",
        HelpName = "PAGES",
    };

    private readonly (TuningOption Tuning, Option<string?> Option)[] _tuning =
    [
        .. catalog.Tuning.Select(tuning => (
            tuning, new Option<string?>($"--{tuning.Name}") { Description = tuning.Description, HelpName = tuning.HelpName })),
    ];

    private readonly Option<bool> _sections = new("--sections")
    {
        Description = "Map with superpages (sections) where possible; Linux does not on such hardware.",
    };

    private readonly Option<string[]> _load = LoadOption.Create();

    private readonly Option<string?> _costs = new("--costs")
    {
        Description = "What operations cost, for virtual time: a file (format: docs/json.md), or "
            + $"{string.Join(", ", CostFile.BuiltIn.Select(costs => costs.Name))}. Default: for each IOMMU its own, as 'iommukit models' says, or the first of these.",
        HelpName = "FILE|NAME",
    };

    // What is tuned where nobody says anything.
    private TuningValues _recorded = TuningValues.None;

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_iommu, _policy, _costs, _flushAll, .. _tuning.Select(tuning => tuning.Option), _sections, _load])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>The options of which every combination can be compared.</summary>
    public IReadOnlyList<string> Compared =>
        [_iommu.Name, _policy.Name, _flushAll.Name, .. _tuning.Select(tuning => tuning.Option.Name)];

    /// <summary>The IOMMU that is taken if none was asked for.</summary>
    public string Default { get; private set; } = SeedTable.Machine;

    /// <summary>
    /// Takes what traces were recorded on, or can be replayed on, if no IOMMU was asked for, and the rules of their kernels if no others were (see
    /// <see cref="RecordedOrigins"/>).
    /// </summary>
    /// <param name="parsed">What the user typed.</param>
    /// <param name="traces">The traces. What is no plain file is not looked at, as it could not be read again.</param>
    public void DefaultTo(ParseResult parsed, IEnumerable<string> traces)
    {
        var origins = RecordedOrigins.Of(traces);
        if (parsed.GetValue(_iommu) is not { Length: > 0 })
        {
            Default = origins.ForReplay(catalog, Default).Name;
        }

        _recorded = origins.TuningFor(MachinesIn(parsed));
    }

    /// <summary>The IOMMUs that were asked for.</summary>
    public IReadOnlyList<IommuKind> MachinesIn(ParseResult parsed) =>
        Choices.Machines(catalog, parsed.GetValue(_iommu) is { Length: > 0 } names ? names : [Default]);

    /// <summary>The policies that were asked for.</summary>
    public IReadOnlyList<SyncPolicy> PoliciesIn(ParseResult parsed) =>
        Choices.Policies(parsed.GetValue(_policy) is { Length: > 0 } names ? names : null);

    /// <summary>The file of costs that was named, if one was.</summary>
    public IEnumerable<string> FilesIn(ParseResult parsed) => parsed.GetValue(_costs) is { } file ? [file] : [];

    /// <summary>The costs that were asked for; null for those of each IOMMU.</summary>
    public CostVector? CostsIn(ParseResult parsed) => parsed.GetValue(_costs) is { } file ? CostFile.Find(file) : null;

    /// <summary>From how many pages on everything is flushed.</summary>
    public int FlushAllIn(ParseResult parsed) => TuningIn(parsed).FlushAllPages;

    /// <summary>The settings that were asked for.</summary>
    public MachineSettings SettingsIn(ParseResult parsed) => TuningIn(parsed).Settings;

    /// <summary>The tuning that was asked for.</summary>
    public ReplayTuning TuningIn(ParseResult parsed) => TuningsIn(parsed, null).Single();

    /// <summary>Every combination of the tuning that was asked for, where options may have several values with commas between them.</summary>
    public IReadOnlyList<ReplayTuning> TuningsIn(ParseResult parsed) => TuningsIn(parsed, ',');

    /// <summary>Every combination of the tuning that was asked for.</summary>
    /// <param name="parsed">What the user typed.</param>
    /// <param name="separator">What is between values; null if an option takes one only.</param>
    private IReadOnlyList<ReplayTuning> TuningsIn(ParseResult parsed, char? separator)
    {
        RefuseUnknown(parsed);
        IEnumerable<TuningValues> tunings = [TuningValues.None];
        foreach (var (tuning, option) in _tuning)
        {
            int[] values = [.. Values(option, (name, text) => Choices.Tuning(tuning, name, text), _recorded[tuning])];
            tunings = tunings.SelectMany(_ => values, (others, value) => others.With(tuning, value));
        }

        TuningValues[] all = [.. tunings];
        return
        [
            .. from flushAll in Values(_flushAll, Choices.Number, 0)
               from tuning in all
               select new ReplayTuning
               {
                   FlushAllPages = flushAll,
                   Settings = new MachineSettings { Tuning = tuning, UsesSuperpages = parsed.GetValue(_sections) },
               },
        ];

        IEnumerable<int> Values(Option<string?> option, Func<string, string, int> read, int standard) => parsed.GetValue(option) is { } text
            ? [.. Split(option, text).Select(value => read(option.Name, value)).Distinct()]
            : [standard];

        string[] Split(Option<string?> option, string text) =>
            separator is { } between ? text.Split(between, StringSplitOptions.TrimEntries)
            : !text.Contains(',', StringComparison.Ordinal) ? [text]
            : throw new InputException(
                $"{option.Name}: \"{text}\" is several values; they are compared by 'iommukit replay FILE --what-if', anywhere else it takes one");
    }

    /// <summary>Refuses options of IOMMUs that do not take part.</summary>
    private void RefuseUnknown(ParseResult parsed)
    {
        var machines = MachinesIn(parsed);
        foreach (var (tuning, option) in _tuning)
        {
            if (parsed.GetValue(option) is not null && !machines.Any(kind => kind.Tuning.Contains(tuning)))
            {
                string those = string.Join(", ", catalog.Machines.Where(kind => kind.Tuning.Contains(tuning)).Select(kind => kind.Name));
                throw new InputException(
                    $"{option.Name}: {string.Join(", ", machines.Select(kind => kind.Name))} cannot be tuned so; it is for {those}");
            }
        }
    }
}
