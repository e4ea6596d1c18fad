using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Runs;

/// <summary>All the work of a replay: every case of every file, in that order.</summary>
/// <param name="files">The traces.</param>
/// <param name="options">What is run of each.</param>
/// <param name="isWhatIf">Whether the cases are compared in one table.</param>
/// <param name="isByCommand">Whether the commands of each are shown.</param>
internal sealed class ReplaySweep(IReadOnlyList<string> files, ReplayOptions options, bool isWhatIf, bool isByCommand)
{
    /// <summary>The traces.</summary>
    public IReadOnlyList<string> Files => files;

    /// <summary>How many cases each trace has.</summary>
    public int Cases { get; } = options.Cases.Count;

    /// <summary>What is shown of the results.</summary>
    public ReplayView View => isByCommand ? ReplayView.Commands
        : options.Device is not null ? ReplayView.Device
        : options.HasSizes ? ReplayView.Sizes : options.SeriesInterval != 0 ? ReplayView.Series : isWhatIf ? ReplayView.WhatIf : ReplayView.Policies;

    /// <summary>Everything that results depend on, apart from what is in the files, by the option that it comes from.</summary>
    public IReadOnlyDictionary<string, string> Parameters => new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["FILE"] = string.Join(", ", files),
        ["--iommu"] = string.Join(", ", options.Machines.Select(machine => machine.Name)),
        ["--policy"] = string.Join(", ", options.Policies),
        ["tuning"] = string.Join(", ", options.Tunings.Select(tuning => $"({Tuning.Describe(tuning.Settings, tuning.FlushAllPages)})")),
        ["--costs"] = string.Join(", ", options.Machines.Select(kind => options.Costs ?? CostFile.Of(kind)).DistinctBy(costs => costs.Name, StringComparer.Ordinal)
            .Select(costs => FormattableString.Invariant($"{costs.Name}: {string.Join(' ', costs.Components.ToVector())}"))),
        ["--lenient"] = options.IsLenient ? "yes" : "no",
        ["--series"] = FormattableString.Invariant($"{options.SeriesInterval} ns"),
        ["--device"] = options.Device?.ToString() ?? "none",
        ["view"] = View.ToString(),
    };

    /// <summary>Runs a part, with progress for the user.</summary>
    /// <param name="context">Where progress goes.</param>
    /// <param name="shard">Which part.</param>
    /// <returns>The results in the order of the work.</returns>
    public IReadOnlyList<ReplayResult> Run(CommandContext context, Shard shard)
    {
        var (start, end) = shard.Of(files.Count * Cases);
        var work = new List<(string Path, ReplayOptions Options)>();
        for (int file = start / Cases; file * Cases < end; file++)
        {
            int first = Math.Max(start - (file * Cases), 0);
            int last = Math.Min(end - (file * Cases), Cases);
            if (first < last)
            {
                work.Add((files[file], options with { Part = first..last }));
            }
        }

        return options.Device?.Traffic is not null
            ? Replayer.RunAll(work)
            : Progress.ReadAll(context, [.. work.Select(item => item.Path)], onRead => Replayer.RunAll(work, onRead));
    }
}
