using System.CommandLine;
using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;
using IommuKit.Lab.Seed;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary>The options that say what work is run on: IOMMUs, policies, tuning, costs.</summary>
internal sealed class RunOptions
{
    private readonly Option<string[]> _iommu = new("--iommu", "--soc")
    {
        Description = $"IOMMUs: {string.Join(", ", MachineCatalog.All.Select(kind => kind.Name))}, all. Default: {SeedTable.Machine}.",
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

    private readonly Option<string?> _tlbStep = new("--tlb-step")
    {
        Description = "IOVA that one TLB group flush covers: 16K or 32K on Tegra. Default: what the hardware most likely has.",
        HelpName = "SIZE",
    };

    private readonly Option<string?> _sectionThreshold = new("--section-threshold")
    {
        Description = "From this many group flushes in a 4 MiB section on, flush the section instead. 0: never.",
        HelpName = "GROUPS",
    };

    private readonly Option<string?> _asidThreshold = new("--asid-threshold")
    {
        Description = "From this many TLB flushes on, flush the address space instead. 0: never.",
        HelpName = "FLUSHES",
    };

    private readonly Option<bool> _sections = new("--sections")
    {
        Description = "Map with superpages (4 MiB sections on Tegra) where possible; Linux does not.",
    };

    private readonly Option<string?> _costs = new("--costs")
    {
        Description = "What operations cost, for virtual time: a file (format: docs/json.md), or "
            + $"{string.Join(", ", CostFile.BuiltIn.Select(costs => costs.Name))}. Default: the first of these.",
        HelpName = "FILE|NAME",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_iommu, _policy, _costs, _flushAll, _tlbStep, _sectionThreshold, _asidThreshold, _sections])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>The IOMMUs that were asked for.</summary>
    public IReadOnlyList<MachineKind> MachinesIn(ParseResult parsed) =>
        Choices.Machines(parsed.GetValue(_iommu) is { Length: > 0 } names ? names : [SeedTable.Machine]);

    /// <summary>The policies that were asked for.</summary>
    public IReadOnlyList<SyncPolicy> PoliciesIn(ParseResult parsed) =>
        Choices.Policies(parsed.GetValue(_policy) is { Length: > 0 } names ? names : null);

    /// <summary>The file of costs that was named, if one was.</summary>
    public IEnumerable<string> FilesIn(ParseResult parsed) => parsed.GetValue(_costs) is { } file ? [file] : [];

    /// <summary>The costs that were asked for.</summary>
    public CostVector CostsIn(ParseResult parsed) => parsed.GetValue(_costs) is { } file ? CostFile.Find(file) : CostFile.Default;

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
        return
        [
            .. from flushAll in Values(_flushAll, Choices.Number)
               from tlbStep in Values(_tlbStep, (_, text) => TlbStep(text))
               from sectionThreshold in Values(_sectionThreshold, Choices.Number)
               from asidThreshold in Values(_asidThreshold, Choices.Number)
               select new ReplayTuning
               {
                   FlushAllPages = flushAll,
                   Settings = new MachineSettings
                   {
                       TlbStep = tlbStep,
                       SectionThreshold = sectionThreshold,
                       AsidThreshold = asidThreshold,
                       UsesSections = parsed.GetValue(_sections),
                   },
               },
        ];

        IEnumerable<int> Values(Option<string?> option, Func<string, string, int> read) => parsed.GetValue(option) is { } text
            ? [.. Split(option, text).Select(value => read(option.Name, value)).Distinct()]
            : [0];

        string[] Split(Option<string?> option, string text) =>
            separator is { } between ? text.Split(between, StringSplitOptions.TrimEntries)
            : !text.Contains(',', StringComparison.Ordinal) ? [text]
            : throw new InputException(
                $"{option.Name}: \"{text}\" is several values; they are compared by 'iommukit replay FILE --what-if', anywhere else it takes one");
    }

    private static int TlbStep(string text)
    {
        ulong step = Choices.Size("--tlb-step", text);
        return step is 16 << 10 or 32 << 10 ? (int)step : throw new InputException($"--tlb-step: \"{text}\" is neither 16K nor 32K");
    }
}
