using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>
/// What of a replay is as its trace shows the recorded machine and kernel, what is not, and what chooses otherwise: what was not named on the command
/// line was chosen by the trace.
/// </summary>
internal static class ChosenText
{
    /// <summary>The sentence, without a point; null if nothing shows.</summary>
    /// <param name="results">Replays of one trace.</param>
    public static string? Of(IReadOnlyList<ReplayResult> results)
    {
        string[] names = [.. results.Select(result => result.Iommu).Distinct(StringComparer.Ordinal)];
        if (!results.All(result => result.IsAsRecorded))
        {
            return null;
        }

        var kind = MachineCatalog.Find(names[0]);
        var rules = kind?.Tuning.FirstOrDefault(option => option.RecordedBy is not null);
        return $"replayed on {Names.Few(names)}{(names.Length == 1 && kind is not null ? Traits(kind, results[0].Trace) : string.Empty)}"
            + (rules is null ? string.Empty : $", {Rules(rules, results)}")
            + $" (--iommu {(rules is null ? "chooses another" : $"and --{rules.Name} choose others")})";
    }

    private static string Traits(IommuKind kind, TraceSummary trace)
    {
        string[] missing = [.. trace.RecordedTraits.Except(kind.RecordedTraits, StringComparer.Ordinal)];
        string[] more = [.. kind.RecordedTraits.Except(trace.RecordedTraits, StringComparer.Ordinal)];
        string shown = trace.RecordedTraits.Count == 0 || missing.Length != 0 ? string.Empty : $", as the trace shows {And(trace.RecordedTraits)}";
        return missing.Length == 0 && more.Length == 0 ? shown
            : missing.Length == 0 ? $"{shown}, though it shows no {string.Join(" or ", more)}"
            : $", though the trace shows {And(missing)}{Closer(kind, trace)}";
    }

    private static string Closer(IommuKind kind, TraceSummary trace) =>
        new TraceOrigin { Iommu = trace.RecordedOn, Traits = trace.RecordedTraits }.KindIn(MachineCatalog.All) is { } closer && closer != kind
            ? $" ({closer.Name} is closer)"
            : string.Empty;

    private static string Rules(TuningOption rules, IReadOnlyList<ReplayResult> results)
    {
        string? kernel = results[0].Trace.Kernel;
        int recorded = rules.RecordedBy!(kernel);
        int[] values = [.. results.Select(result => result.Tuning.Settings.Tuning[rules]).Distinct()];
        string Text(int value) => rules.Format is { } format ? format(value) : rules.Text(value);
        string by = $"by the rules {string.Join(", ", values.Select(Text))}";
        return values is not [var only] ? by
            : only == recorded ? $"{by}, as {(kernel is null ? "it names no kernel" : $"its kernel is {kernel}")}"
            : kernel is null ? $"{by}; a kernel without a name is taken for {Text(recorded)}"
            : $"{by}, though its kernel {kernel} has {Text(recorded)}";
    }

    private static string And(IReadOnlyList<string> names) => string.Join(" and ", names);
}
