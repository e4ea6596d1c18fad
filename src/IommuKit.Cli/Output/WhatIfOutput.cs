using System.Globalization;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>A case of <c>iommukit replay --what-if</c>.</summary>
/// <param name="Result">How it went.</param>
/// <param name="First">The first case of the file, which the others are compared with.</param>
/// <param name="IsBest">Whether it is the fastest of those that promise everything.</param>
internal sealed record WhatIfCase(ReplayResult Result, ReplayResult First, bool IsBest);

/// <summary>What <c>iommukit replay --what-if</c> says: every case of a file against its first.</summary>
internal static class WhatIfOutput
{
    /// <summary>A case.</summary>
    public static FieldList<WhatIfCase> Fields { get; } = new("what-if")
    {
        { "file", ReplayOutput.FileMeaning, one => one.Result.Trace.File },
        { "iommu", "the IOMMU, as `iommukit models` lists it", one => one.Result.Iommu },
        { "policy", Promises.PolicyMeaning, one => one.Result.Policy.ToString() },
        { "tuning", Tuning.Meaning, Tuning.Field<WhatIfCase>(one => ReplayOutput.TuningOf(one.Result)) },
        {
            "virtual_us",
            "virtual time, as in `replay`",
            one => one.Result.VirtualMicroseconds,
            3,
            new("Total ms", 0, us => ReplayOutput.Number(us / 1000))
        },
        {
            "time_ratio",
            "`virtual_us` relative to the first object of the file; null if that is 0",
            one => Ratio(one.Result.VirtualMicroseconds, one.First.VirtualMicroseconds),
            new("Time", 1, Percent)
        },
        { Operations.Fields.Where(field => field.Name != "maintenance"), one => one.Result.Counts },
        { "maintenance", "as in `replay`", one => one.Result.Counts.Maintenance, new("Operations", 4) },
        {
            "maintenance_ratio",
            "`maintenance` relative to the first object of the file; null if that is 0",
            one => Ratio(one.Result.Counts.Maintenance, one.First.Counts.Maintenance),
            new("Ops", 3, Percent)
        },
        { "map_p50_us", "virtual time of single maps, as in `replay`", one => one.Result.MapLatency.P50, 3 },
        { "map_p99_us", "its 99th percentile", one => one.Result.MapLatency.P99, 3, new("Map p99 µs", 7, ReplayOutput.Number) },
        { "map_max_us", "its maximum", one => one.Result.MapLatency.Max, 3 },
        { "unmap_p50_us", "virtual time of single unmaps, as in `replay`", one => one.Result.UnmapLatency.P50, 3 },
        { "unmap_p99_us", "its 99th percentile", one => one.Result.UnmapLatency.P99, 3, new("Unmap p99 µs", 7, ReplayOutput.Number) },
        { "unmap_max_us", "its maximum", one => one.Result.UnmapLatency.Max, 3 },
        { "skipped", "events that were not replayed, or not wholly", one => one.Result.SkippedCount, new("Skipped", 3) },
        { "costs", ReplayOutput.CostsMeaning, one => one.Result.Costs },
        { "problem", ReplayOutput.ProblemMeaning, one => one.Result.Trace.Problem, Maybe.Null },
        { ReplayOutput.UnpricedFields, one => one.Result },
        { ReplayOutput.CoverageFields, one => one.Result },
        { "promises_all", Promises.AllMeaning, one => one.Result.Policy.IsFull() },
        { "is_best", "whether this is the fastest case of the file with `promises_all`; one at most", one => one.IsBest },
        { ReplayOutput.ReachFields.Where(field => field.Name != "promises_all"), one => one.Result },
    };

    /// <summary>Writes the results, each compared with the first of its file.</summary>
    public static void Write(Results writer, IReadOnlyList<ReplayResult> results)
    {
        WhatIfCase[] cases =
        [
            .. results.GroupBy(result => result.Trace).SelectMany(file =>
            {
                ReplayResult[] all = [.. file];
                var best = WhatIfRow.BestOf(all);
                return all.Select(result => new WhatIfCase(result, all[0], ReferenceEquals(result, best)));
            }),
        ];
        writer.Write(Fields, cases, (console, isMarkdown) => WriteTable(console, cases, isMarkdown));
    }

    private static string CostsOf(IEnumerable<ReplayResult> results)
    {
        var costs = results.Select(result => (result.Costs, result.Iommu)).Distinct().GroupBy(one => one.Costs, one => one.Iommu, StringComparer.Ordinal).ToList();
        return costs.Count == 1 ? costs[0].Key : string.Join(", ", costs.Select(one =>
            $"{one.Key} ({Names.Few([.. one])})"));
    }

    private static void WriteTable(IAnsiConsole console, WhatIfCase[] cases, bool isMarkdown)
    {
        var tables = new TableSet(console, isMarkdown);
        bool isAlone = cases.Select(one => one.Result.Trace).Distinct().Count() == 1;
        foreach (var file in cases.GroupBy(one => one.Result.Trace))
        {
            ReplayResult[] results = [.. file.Select(one => one.Result)];
            console.Note(isMarkdown, $"{(isAlone ? string.Empty : $"{Names.OfFile(file.Key.File)}: ")}{WhatIfRow.Answer(results)}.");
            ReplayOutput.WriteTrace(console, results, isMarkdown);
            if (isMarkdown)
            {
                console.WriteLine();
            }

            string[] iommus = [.. results.Select(result => result.Iommu).Distinct(StringComparer.Ordinal)];
            string machines = iommus.Length > Names.MostInHeading
                ? $"one of {Names.Few(iommus)}"
                : string.Join(" or ", iommus.Select(name => $"a {name}"));
            var rows = WhatIfRow.Of(results);
            tables.Write(WhatIfTable.Of(
                console,
                isMarkdown,
                $"What if this were {machines}: {Coverage.InTitle(results)}, costs {CostsOf(results)}{WhatIfRow.InTitle(results, rows)}",
                [.. file],
                rows));
            foreach (string sentence in WhatIfRow.WithoutEffect(results))
            {
                console.Note(isMarkdown, $"  {sentence}");
            }

            console.WriteLine();
        }

        tables.WriteLeftOut();
        ReplayOutput.WriteCostNotes(console, [.. cases.Select(one => one.Result)], isMarkdown);
        tables.Legend(
            ("Total ms", "virtual time, operations times their cost, on the machine that the costs are for"),
            ("Map p99 µs, Unmap p99 µs", "latencies of single ones, in virtual time too"));
        var first = cases[0].Result;
        tables.Legend(
            ("Time", $"as a share of that of the first case, {WhatIfRow.NameOf(first, [.. cases.Select(one => one.Result)])}"),
            ("Ops", "operations (register accesses and lines cleaned), as such a share"));
        console.Note(isMarkdown, "Sorted by time. best: the fastest of those whose unmaps leave nothing reachable when they return.");
        ReplayOutput.WritePromises(console, [.. cases.Select(one => one.Result)], isMarkdown, tables);
    }

    private static double? Ratio(double value, double first) => first == 0 ? null : Math.Round(value / first, 4);

    private static string Percent(double? ratio) =>
        ratio is { } share ? string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.0} %") : string.Empty;
}

/// <summary>A row of the table of what-if: all cases of one IOMMU with the same outcome, as far as they can be told in one line.</summary>
/// <param name="Policies">The policies.</param>
/// <param name="Options">The options under which each of them comes to this.</param>
/// <param name="Result">One of the cases.</param>
internal sealed record WhatIfRow(IReadOnlyList<SyncPolicy> Policies, string Options, ReplayResult Result)
{
    private const string None = "–";

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

    /// <summary>The answer: the best case that promises everything, against the first.</summary>
    public static string Answer(IReadOnlyList<ReplayResult> results)
    {
        if (BestOf(results) is not { } best)
        {
            var fastest = Of(results)[0];
            return $"None of these leaves nothing reachable. The fastest: {fastest.Name(results)}, {Milliseconds(fastest.Result)}";
        }

        var first = results[0];
        var row = Of(results).First(one => Outcome.Of(one.Result) == Outcome.Of(best));
        bool isFirst = Outcome.Of(best) == Outcome.Of(first);
        string compared = isFirst ? "the first case"
            : first.VirtualMicroseconds == 0 ? string.Empty
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{100 * best.VirtualMicroseconds / first.VirtualMicroseconds:0.0} % of {NameOf(first, results)}");
        return $"Best that leaves nothing reachable: {row.Name(results)}, {Milliseconds(best)}{(compared.Length == 0 ? string.Empty : $" ({compared})")}";
    }

    /// <summary>A case in a sentence: what tells it from the others.</summary>
    public static string NameOf(ReplayResult result, IReadOnlyList<ReplayResult> results) =>
        new WhatIfRow([result.Policy], Describe([result.Tuning], [.. results.Select(one => one.Tuning).Distinct()]), result).Name(results);

    /// <summary>The options that all rows have, as the end of a title; empty if there are none, or they differ.</summary>
    public static string InTitle(IReadOnlyList<ReplayResult> results, IReadOnlyList<WhatIfRow> rows) =>
        results.Select(result => result.Tuning).Distinct().Count() == 1 && rows[0].Options != None ? $"; tuned with {rows[0].Options}" : string.Empty;

    private string Name(IReadOnlyList<ReplayResult> results) => Outcome.NamesOf(Policies)
        + (results.All(one => one.Iommu == Result.Iommu) ? string.Empty : $" on {Result.Iommu}")
        + (Options == None || results.Select(one => one.Tuning).Distinct().Count() == 1 ? string.Empty : $" with {Options}");

    private static string Milliseconds(ReplayResult result) => $"{ReplayOutput.Number(result.VirtualMicroseconds / 1000)} ms";

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
            if (possible is [0])
            {
                continue;
            }

            words.Add(values.Length == possible.Length && possible.Length > 1 ? $"{name} any" : $"{name} {string.Join(" or ", values.Select(text))}");
        }

        if (product != tunings.Count)
        {
            return string.Join("; or ", tunings.Select(tuning => Describe([tuning], all)));
        }

        if (tunings[0].Settings.UsesSuperpages)
        {
            words.Add("--sections");
        }

        return words.Count == 0 ? None : string.Join(' ', words);
    }

    /// <summary>What is tuned by some or other of the cases.</summary>
    private static IReadOnlyList<(string Name, Func<ReplayTuning, int> Value, Func<int, string> Text)> KnobsOf(IEnumerable<ReplayTuning> tunings) =>
    [
        ("--flush-all", tuning => tuning.FlushAllPages, value => value.ToString(CultureInfo.InvariantCulture)),
        .. tunings.SelectMany(tuning => tuning.Settings.Tuning.All)
            .Select(pair => pair.Option)
            .DistinctBy(option => option.Name, StringComparer.Ordinal)
            .Select(option => (
                $"--{option.Name}", (Func<ReplayTuning, int>)(tuning => tuning.Settings.Tuning[option]), (Func<int, string>)option.Text)),
    ];
}

/// <summary>All that a case of a replay came to: cases with equal ones are told as one.</summary>
internal sealed record Outcome(
    string Iommu,
    OperationCounts Counts,
    double VirtualMicroseconds,
    LatencySummary MapLatency,
    LatencySummary UnmapLatency,
    long Skipped,
    Exposure Exposure,
    bool PromisesAll)
{
    /// <summary>What a case came to.</summary>
    public static Outcome Of(ReplayResult result) => new(
        result.Iommu,
        result.Counts,
        result.VirtualMicroseconds,
        result.MapLatency,
        result.UnmapLatency,
        result.SkippedCount,
        result.Exposure,
        result.Policy.IsFull());

    /// <summary>The names of policies with the same outcome.</summary>
    public static string NamesOf(IEnumerable<SyncPolicy> policies) => string.Join(", ", policies.Distinct().Select(Promises.Marked));
}
