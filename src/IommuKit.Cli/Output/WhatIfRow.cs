using System.Globalization;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>A row of the table of what-if: all cases of one IOMMU with the same outcome, as far as they can be told in one line.</summary>
/// <param name="Policies">The policies.</param>
/// <param name="Options">The options under which each of them comes to this.</param>
/// <param name="Result">One of the cases.</param>
internal sealed record WhatIfRow(IReadOnlyList<SyncPolicy> Policies, string Options, ReplayResult Result)
{
    /// <summary>The rows of a file, the fastest first.</summary>
    public static IReadOnlyList<WhatIfRow> Of(IReadOnlyList<ReplayResult> results)
    {
        ReplayTuning[] all = [.. results.Select(result => result.Tuning).Distinct()];
        return
        [
            .. from outcome in results.GroupBy(Outcome.Of)
               from row in outcome
                   .GroupBy(result => result.Policy)
                   .GroupBy(policy => string.Join('|', policy.Select(result => Array.IndexOf(all, result.Tuning))), StringComparer.Ordinal)
               let first = row.First()
               select new WhatIfRow([.. row.Select(policy => policy.Key)], Describe([.. first.Select(result => result.Tuning)], all), first.First())
               into one
               orderby one.Result.VirtualMicroseconds
               select one,
        ];
    }

    /// <summary>The fastest case of those that promise everything; of several the first. Null if there is none.</summary>
    public static ReplayResult? BestOf(IEnumerable<ReplayResult> results) =>
        results.Where(result => result.Policy.IsFull()).MinBy(result => result.VirtualMicroseconds);

    /// <summary>For each option with several values, under which policies it made no difference at all.</summary>
    public static IEnumerable<string> WithoutEffect(IReadOnlyList<ReplayResult> results)
    {
        var knobs = KnobsOf(results.Select(result => result.Tuning));
        foreach (var knob in knobs.Where(knob => results.Select(result => knob.Value(result.Tuning)).Distinct().Count() > 1))
        {
            string[] names =
            [
                .. results
                    .GroupBy(result => (result.Iommu, result.Policy))
                    .Where(policy => policy
                        .GroupBy(
                            result => string.Join('|', knobs.Where(other => other.Name != knob.Name).Select(other => other.Value(result.Tuning))),
                            StringComparer.Ordinal)
                        .All(others => others.Select(Outcome.Of).Distinct().Count() == 1))
                    .GroupBy(policy => policy.Key.Iommu, policy => policy.Key.Policy, StringComparer.Ordinal)
                    .Select(iommu => iommu.Count() == PoliciesOn(iommu.Key)
                        ? $"any policy on {iommu.Key}"
                        : $"{string.Join(", ", iommu)} on {iommu.Key}"),
            ];
            if (names.Length != 0)
            {
                yield return $"{knob.Name} has no effect on this trace under {string.Join("; ", names)}.";
            }
        }

        int PoliciesOn(string iommu) => results.Where(result => result.Iommu == iommu).Select(result => result.Policy).Distinct().Count();
    }

    /// <summary>The options of some tunings, in the words of the command line: values that come to the same with "or" between them.</summary>
    private static string Describe(IReadOnlyList<ReplayTuning> tunings, IReadOnlyList<ReplayTuning> all)
    {
        int product = 1;
        var words = new List<string>();
        foreach (var (name, value, text) in KnobsOf(all))
        {
            int[] values = [.. tunings.Select(value).Distinct()];
            int[] possible = [.. all.Select(value).Distinct()];
            product *= values.Length;
            if (possible is [0] || (values is [0] && possible.Length > 1))
            {
                continue;
            }

            words.Add(values.Length == possible.Length && possible.Length > 1 ? $"{name} any" : $"{name} {string.Join(" or ", values.Select(text))}");
        }

        if (product != tunings.Count)
        {
            return string.Join("; or ", tunings.Select(tuning => Single(tuning.FlushAllPages, tuning)));
        }

        if (tunings[0].Settings.UsesSuperpages)
        {
            words.Add("--sections");
        }

        return words.Count == 0 ? "–" : string.Join(' ', words);

        static string Single(int flushAll, ReplayTuning tuning) => Tuning.Describe(tuning.Settings, flushAll) is { Length: > 0 } text ? text : "–";
    }

    /// <summary>What is tuned by some or other of the cases.</summary>
    private static IReadOnlyList<(string Name, Func<ReplayTuning, int> Value, Func<int, string> Text)> KnobsOf(IEnumerable<ReplayTuning> tunings) =>
    [
        ("--flush-all", tuning => tuning.FlushAllPages, value => value.ToString(CultureInfo.InvariantCulture)),
        .. tunings.SelectMany(tuning => tuning.Settings.Tuning.All)
            .Select(pair => pair.Option)
            .DistinctBy(option => option.Name, StringComparer.Ordinal)
            .Select(option => ($"--{option.Name}", (Func<ReplayTuning, int>)(tuning => tuning.Settings.Tuning[option]), (Func<int, string>)option.Text)),
    ];
}
