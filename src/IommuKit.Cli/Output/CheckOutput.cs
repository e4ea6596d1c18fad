using System.Globalization;
using IommuKit.Checker;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit check</c> says.</summary>
internal static class CheckOutput
{
    /// <summary>The least that an operation needs.</summary>
    public static FieldList<LeastWork> LeastFields { get; } = new("check-least")
    {
        { "cleans", "lines of the CPU's cache", work => work.Cleans },
        { "barriers", "barriers", work => work.Barriers },
        { "table_cache_drops", "lines of the table cache", work => work.TableCacheDrops },
        { "translation_drops", "invalidations of translations that drop no translation which is right", work => work.TranslationDrops },
        { "waits", "waits for the hardware", work => work.Waits },
        { "total", "all of them", work => work.Total },
    };

    /// <summary>What a map and an unmap need on one IOMMU, and what a flush without direction wastes on the map.</summary>
    public static FieldList<DirectionNeeds> NeedsFields { get; } = new("check-needs")
    {
        { "iommu", "the IOMMU", need => need.Target.Name, new("IOMMU") },
        { "pages", "pages in one run", need => need.Pages },
        { "map", "the least that a map needs", LeastFields, need => need.Map },
        { "unmap", "the least that an unmap needs", LeastFields, need => need.Unmap },
        { "undirected_map", "what a map does when its flush knows no direction", need => need.MapUndirected.Total },
        { "undirected_map_translation_drops", "of that, invalidations of translations", need => need.MapUndirected.TranslationDrops },
        { "undirected_map_wasted", "of that, what is for nothing", need => need.MapUndirected.Wasted, new("For nothing", 1) },
        { "split_map", "what a map does when its flush knows the direction", need => need.MapSplit.Total },
        { "split_map_wasted", "of that, what is for nothing", need => need.MapSplit.Wasted },
    };

    /// <summary>A wrong answer that the checker found.</summary>
    public static FieldList<CheckFinding> FindingFields { get; } = new("check-finding")
    {
        { "iommu", "the IOMMU", finding => finding.Case.Configuration.Target.Name },
        { "policy", Promises.PolicyMeaning, finding => finding.Case.Configuration.Policy.ToString() },
        { "release", "when tables are given back", finding => finding.Case.Configuration.Release.ToString() },
        { "planted", "the bug that was planted", finding => finding.Case.Bug?.Name, Maybe.Null },
        { "verdict", "what is wrong, in a word", finding => Names.Of(finding.Verdict) },
        { "cause", "what is wrong", finding => finding.Cause },
        { "source", "the cache that answers wrongly", finding => Names.Of(finding.Violation.Source) },
        { "scenario", "what `--replay` takes, see below", finding => finding.Case.Text },
        { "access", "the access to the hardware after which it is wrong", finding => finding.Violation.Step },
        { "iova", "where", finding => Names.Hex(finding.Violation.Iova) },
        { "may_answer", "what hardware may answer there", finding => Answer(finding.Violation.Answer) },
        { "promised", "what it should", finding => Answer(finding.Violation.Promised) },
        { "history", "what was stored and flushed since", finding => finding.History },
        { "confirmed", "whether the model does it", finding => finding.IsConfirmed },
        { "events", "what hardware did on its own on the way to the wrong `dma`", finding => finding.Demonstration?.Events ?? [] },
        { "dma", "the DMA that goes wrong in the model", Dma, Maybe.Null },
        { "again", "the command that shows it again", CommandFor },
    };

    /// <summary>A planted bug and how it was found.</summary>
    public static FieldList<PlantedResult> PlantedFields { get; } = new("check-planted")
    {
        { "bug", "its name", planted => planted.Bug.Name },
        { "reference", "where it is described", planted => planted.Bug.Reference },
        { "iommu", "where it was planted", planted => planted.Configuration.Target.Name },
        { "policy", Promises.PolicyMeaning, planted => planted.Configuration.Policy.ToString() },
        { "release", "when tables are given back", planted => planted.Configuration.Release.ToString() },
        { "caught", "whether it was found, shown in the model, and called by its right name", planted => planted.IsCaught },
        { "verdict", "what was found", planted => planted.Finding is { } finding ? Names.Of(finding.Verdict) : null, Maybe.Null },
        { "scenario", "in which scenario", planted => planted.Finding?.Case.Text, Maybe.Null },
        { "confirmed", "whether the model does it", planted => planted.Finding is { IsConfirmed: true } },
    };

    /// <summary>What was checked of one IOMMU under one policy and release rule, and what of its maintenance was for nothing.</summary>
    public static FieldList<ConfigurationResult> ConfigurationFields { get; } = new("check-configuration")
    {
        { "iommu", "the IOMMU", result => result.Configuration.Target.Name },
        { "policy", Promises.PolicyMeaning, result => result.Configuration.Policy.ToString() },
        { "release", "when tables are given back", result => result.Configuration.Release.ToString() },
        { "sequences", "scenarios of operations one after the other", result => result.Sequences },
        { "interruptions", "scenarios of operations that interrupt others", result => result.Interleavings },
        { "random_scenarios", "scenarios by chance", result => result.RandomScenarios },
        { "operations", "operations in them", result => result.Operations },
        { "steps", "accesses to the hardware, each checked", result => result.Steps },
        { "missing", "1 if something is wrong, else 0", result => result.Finding is null ? 0 : 1 },
        { "exhausted", "scenarios that could not be followed to their end", result => result.Exhausted },
        { "maintenance", "maintenance in the scenarios of one and two operations", result => result.Waste.Total },
        { "wasted", "of that, what is for nothing", result => result.Waste.Wasted },
        { "least", "what would have done", result => result.Least.Total },
        { "live_translations_dropped", "translations that are right and went all the same", result => result.Waste.LiveTranslationsDropped },
        { "cleans", "lines of the CPU's cache that were cleaned", result => result.Waste.Cleans },
        { "cleans_of_clean_lines", CleanMeaning, result => result.Waste.CleansOfCleanLines },
        { "least_cleans", "cleans that would have done", result => result.Least.Cleans },
        { "barriers", "barriers", result => result.Waste.Barriers },
        { "barriers_after_nothing", BarrierMeaning, result => result.Waste.BarriersAfterNothing },
        { "least_barriers", "barriers that would have done", result => result.Least.Barriers },
        { "table_cache_drops", "invalidations of the table cache", result => result.Waste.TableCacheDrops },
        { "table_cache_drops_of_nothing", TableNothingMeaning, result => result.Waste.TableCacheDropsOfNothing },
        { "table_cache_drops_of_current", TableCurrentMeaning, result => result.Waste.TableCacheDropsOfCurrent },
        { "least_table_cache_drops", "those that would have done", result => result.Least.TableCacheDrops },
        { "translation_drops", "invalidations of translations", result => result.Waste.TranslationDrops },
        { "translation_drops_of_nothing", TranslationNothingMeaning, result => result.Waste.TranslationDropsOfNothing },
        { "translation_drops_of_current", TranslationCurrentMeaning, result => result.Waste.TranslationDropsOfCurrent },
        { "least_translation_drops", "those that would have done", result => result.Least.TranslationDrops },
        { "waits", "waits for the hardware", result => result.Waste.Waits },
        { "waits_for_nothing", WaitMeaning, result => result.Waste.WaitsForNothing },
        { "least_waits", "waits that would have done", result => result.Least.Waits },
    };

    /// <summary>Maintenance for nothing, of all configurations together.</summary>
    public static FieldList<IReadOnlyList<ConfigurationResult>> WasteFields { get; } = new("check-wasted")
    {
        { "cleans_of_clean_lines", CleanMeaning, results => Sum(results, result => result.Waste.CleansOfCleanLines) },
        { "barriers_after_nothing", BarrierMeaning, results => Sum(results, result => result.Waste.BarriersAfterNothing) },
        { "table_cache_drops_of_nothing", TableNothingMeaning, results => Sum(results, result => result.Waste.TableCacheDropsOfNothing) },
        { "table_cache_drops_of_current", TableCurrentMeaning, results => Sum(results, result => result.Waste.TableCacheDropsOfCurrent) },
        { "translation_drops_of_nothing", TranslationNothingMeaning, results => Sum(results, result => result.Waste.TranslationDropsOfNothing) },
        { "translation_drops_of_current", TranslationCurrentMeaning, results => Sum(results, result => result.Waste.TranslationDropsOfCurrent) },
        { "waits_for_nothing", WaitMeaning, results => Sum(results, result => result.Waste.WaitsForNothing) },
    };

    /// <summary>What was checked at the ends of the address space, of all configurations together.</summary>
    public static FieldList<IReadOnlyList<ConfigurationResult>> EndsFields { get; } = new("check-ends")
    {
        { "iommus", "on which IOMMUs", IommusOf },
        { "configurations", "IOMMU × policy × release rule", results => results.Count },
        { "scenarios", "scenarios", results => Sum(results, result => result.Sequences) },
        { "steps", "accesses to the hardware, each checked", results => Sum(results, result => result.Steps) },
        { "missing", "configurations that are wrong", results => results.Count(result => result.Finding is not null) },
        { "exhausted", "scenarios that could not be followed to their end", results => Sum(results, result => result.Exhausted) },
    };

    /// <summary>The outcome of a check, and what maps and unmaps need.</summary>
    public static FieldList<(CheckResult Result, IReadOnlyList<DirectionNeeds> Needs)> Fields { get; } = new("check")
    {
        {
            "interrupted",
            "whether Ctrl-C ended it: then the rest is what was covered until then",
            check => check.Result.IsInterrupted
        },
        { "planted", "bugs planted on an IOMMU each", check => check.Result.Planted.Count },
        { "planted_not_tried", "how many more there are that were not tried before Ctrl-C ended it", check => check.Result.PlantedNotTried },
        {
            "planted_caught",
            "how many were found, confirmed by a wrong DMA in the model, and called by their right name",
            check => check.Result.Planted.Count(planted => planted.IsCaught)
        },
        {
            "steps",
            "accesses to the hardware after which all promises were checked; without those of planted bugs",
            check => Sum(check.Result.Configurations, configuration => configuration.Steps)
        },
        {
            "configurations",
            "IOMMU × policy × release rule; if a planted bug was missed, only those that are wrong without it",
            check => check.Result.Configurations.Count
        },
        { "missing", "what is wrong, at most one for each configuration: the objects of `--replay`", FindingFields, check => check.Result.Findings },
        {
            "wasted",
            "maintenance for nothing in the scenarios of one and two operations",
            WasteFields,
            check => check.Result.Configurations
        },
        { "planted_bugs", "the planted bugs", PlantedFields, check => check.Result.Planted },
        { "needs", "what a map and an unmap of one run need at least", NeedsFields, check => check.Needs },
        { "checked", "each configuration", ConfigurationFields, check => check.Result.Configurations },
        {
            "at_ends",
            "what was checked at both ends of the address space and around the gap of sign-extended formats",
            EndsFields,
            check => check.Result.AtEnds
        },
    };

    private const string CleanMeaning = "cleans of lines that memory had already";
    private const string BarrierMeaning = "barriers with no clean before them to wait for";
    private const string TableNothingMeaning = "invalidations of lines of the table cache that nothing can have been fetched into";
    private const string TableCurrentMeaning = "invalidations of lines of the table cache that hold just what memory holds";
    private const string TranslationNothingMeaning = "invalidations of translations where none can have been held";
    private const string TranslationCurrentMeaning = "invalidations where only translations can have been held that are right";
    private const string WaitMeaning = "waits with nothing to wait for";

    public static void Write(Results results, CheckResult result, IReadOnlyList<DirectionNeeds> needs) => results.WriteOne(
        Fields,
        (result, needs),
        ConfigurationFields,
        result.Configurations,
        (console, isMarkdown) => WriteTables(console, result, needs, isMarkdown));

    /// <summary>Writes one finding, if there is one.</summary>
    public static void Write(Results results, CheckFinding? finding) => results.Write(
        FindingFields, finding is null ? [] : [finding], (console, isMarkdown) => WriteFinding(console, finding, isMarkdown));

    private static void WriteTables(IAnsiConsole console, CheckResult result, IReadOnlyList<DirectionNeeds> needs, bool isMarkdown)
    {
        foreach (string sentence in CheckAnswer.Of(result))
        {
            console.Note(isMarkdown, sentence);
        }

        WriteFindings(console, result, isMarkdown);
        console.WriteLine();
        var tables = new TableSet(console, isMarkdown);
        WritePlanted(console, tables, result, isMarkdown);
        if (needs.Count != 0)
        {
            tables.Write(NeedsTable(needs, isMarkdown));
            console.WriteLine();
            tables.Write(ConfigurationTable(result, isMarkdown));
            console.WriteLine();
        }

        tables.WriteLeftOut();
        tables.Legend(("Like", "the real bug that it is like, by its row in docs/checker.md"));
        tables.Legend(
            ("Sequences, Interruptions, Random", "scenarios"),
            ("Steps", "accesses to the hardware, each checked"),
            ("Maintenance", "of the scenarios of one and two operations"));
        tables.Legend(
            ("For nothing", "it changed nothing about what hardware may do wrong"),
            ("Least", "what would have done without dropping anything that is right. docs/checker.md says how it is found"));
    }

    /// <summary>Writes one finding with all that is known about it.</summary>
    private static void WriteFinding(IAnsiConsole console, CheckFinding? finding, bool isMarkdown)
    {
        if (finding is null)
        {
            console.Note(isMarkdown, "Nothing is wrong in this scenario.");
            return;
        }

        console.Note(isMarkdown, $"{Names.Of(finding.Verdict)}: {finding.Cause}");
        console.Note(isMarkdown, $"  {finding.Case.Configuration}: {finding.Case.Text}");
        console.Note(isMarkdown, $"  {Answers(finding)}");
        console.Note(isMarkdown, "  what happened to the entries that translate it (numbers count accesses to the hardware):");
        foreach (string line in finding.History)
        {
            console.Note(isMarkdown, $"  {line}");
        }

        console.Note(isMarkdown, $"  {Shown(finding)}");
        foreach (string line in finding.Demonstration?.Events ?? [])
        {
            console.Note(isMarkdown, $"    {line}");
        }

        console.Note(isMarkdown, $"  again: {CommandFor(finding)}");
    }

    /// <summary>What hardware may answer, and what it should.</summary>
    public static string Answers(CheckFinding finding) =>
        $"IOVA {Names.Hex(finding.Violation.Iova)} may answer {Answer(finding.Violation.Answer)}; promised is {Answer(finding.Violation.Promised)}";

    /// <summary>The DMA that goes wrong.</summary>
    public static string Shown(CheckFinding finding) =>
        Dma(finding) is { } dma ? $"in the model it happens: a {dma}" : "in the model it could not be made to happen";

    /// <summary>The command that shows a finding again.</summary>
    public static string CommandFor(CheckFinding finding)
    {
        var configuration = finding.Case.Configuration;
        string planted = finding.Case.Bug is { } bug ? $" --plant {bug.Name}" : string.Empty;
        return $"iommukit check --iommu {configuration.Target.Name} --policy {configuration.Policy} --release {configuration.Release}"
            + $"{planted} --replay \"{finding.Case.Text}\"";
    }

    private static void WriteFindings(IAnsiConsole console, CheckResult result, bool isMarkdown)
    {
        foreach (var finding in result.Findings)
        {
            console.WriteLine();
            WriteFinding(console, finding, isMarkdown);
        }
    }

    private static IEnumerable<string> IommusOf(IReadOnlyList<ConfigurationResult> results) =>
        results.Select(result => result.Configuration.Target.Name).Distinct(StringComparer.Ordinal);

    private static long Sum(IReadOnlyList<ConfigurationResult> results, Func<ConfigurationResult, long> count) => results.Sum(count);

    private static void WritePlanted(IAnsiConsole console, TableSet tables, CheckResult result, bool isMarkdown)
    {
        var table = new ColumnTable(CheckAnswer.Planted(result), isMarkdown);
        table.AddColumn("Bug", isNumber: false);
        table.AddColumn("Found", isNumber: false);
        table.AddColumn("Called", rank: 1, isNumber: false);
        table.AddColumn("Like", rank: 3, isNumber: false);
        table.AddColumn("What the driver does wrong", rank: 2, isNumber: false);
        foreach (var bug in result.Planted.GroupBy(planted => planted.Bug))
        {
            table.AddRow(
                bug.Key.Name,
                $"{bug.Count(planted => planted.IsCaught)} of {bug.Count()}",
                string.Join(", ", bug.Select(planted => planted.Finding?.Verdict).OfType<Verdict>().Distinct().Select(Names.Of)),
                bug.Key.Reference,
                bug.Key.Description);
        }

        tables.Write(table);
        foreach (var missed in result.Planted.Where(planted => !planted.IsCaught))
        {
            console.Note(isMarkdown, $"  missed: {missed.Bug.Name} on {missed.Configuration}{InItsPlace(missed)}");
        }

        console.WriteLine();
    }

    /// <summary>What was found where a planted bug was missed, if anything.</summary>
    private static string InItsPlace(PlantedResult missed)
    {
        if (missed.Finding is not { } finding)
        {
            return string.Empty;
        }

        string expected = missed.Bug.Expected.Contains(finding.Verdict) ? string.Empty
            : $" where {string.Join(" or ", missed.Bug.Expected.Select(Names.Of))} is expected";
        string doubt = finding.IsConfirmed ? string.Empty : ", not seen in the model";
        string own = missed.Own is null ? string.Empty : ", wrong without it";
        return $" (found, but called {Names.Of(finding.Verdict)}{expected}{doubt}{own})";
    }

    private static ColumnTable NeedsTable(IReadOnlyList<DirectionNeeds> needs, bool isMarkdown) => ColumnTable.Of(
        $"What {needs[0].Pages} pages in one table need: cleans+barriers+table cache+TLB+waits; and a map whose flush does not know its direction",
        isMarkdown,
        [
            .. NeedsFields.Columns("iommu"),
            new("Map", 0, need => Parts(need.Map)),
            new("Unmap", 0, need => Parts(need.Unmap)),
            new("Map, no direction", 2, need => Parts(need.MapUndirected)),
            .. NeedsFields.Columns("undirected_map_wasted"),
        ],
        needs);

    private static ColumnTable ConfigurationTable(CheckResult result, bool isMarkdown)
    {
        var table = new ColumnTable("What was checked, under all release rules together", isMarkdown);
        table.AddColumn("IOMMU", isNumber: false);
        table.AddColumn("Policy", isNumber: false);
        table.AddColumn("Missing");
        table.AddColumn("Sequences", rank: 4);
        table.AddColumn("Interruptions", rank: 5);
        table.AddColumn("Random", rank: 6);
        table.AddColumn("Steps", rank: 3);
        table.AddColumn("Maintenance", rank: 2);
        table.AddColumn("For nothing", rank: 1);
        table.AddColumn("Least", rank: 1);
        table.AddColumn("× least", rank: 1);
        foreach (var group in result.Configurations.GroupBy(one => (one.Configuration.Target.Name, one.Configuration.Policy)))
        {
            long done = group.Sum(one => one.Waste.Total);
            long wasted = group.Sum(one => one.Waste.Wasted);
            long least = group.Sum(one => one.Least.Total);
            table.AddRow(
                group.Key.Name,
                group.Key.Policy.ToString(),
                Numbers.Count(group.Count(one => one.Finding is not null)),
                Numbers.Count(group.Sum(one => one.Sequences)),
                Numbers.Count(group.Sum(one => one.Interleavings)),
                Numbers.Count(group.Sum(one => one.RandomScenarios)),
                Numbers.Count(group.Sum(one => one.Steps)),
                Numbers.Count(done),
                done == 0 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $"{100.0 * wasted / done:0} %"),
                Numbers.Count(least),
                Numbers.Times(done, least));
        }

        return table;
    }

    private static string Parts(LeastWork work) =>
        Parts(work.Cleans, work.Barriers, work.TableCacheDrops, work.TranslationDrops, work.Waits);

    private static string Parts(WasteCounts work) =>
        Parts(work.Cleans, work.Barriers, work.TableCacheDrops, work.TranslationDrops, work.Waits);

    private static string Parts(params ReadOnlySpan<long> counts) => counts.ContainsAnyExcept(0) ? string.Join('+', counts.ToArray()) : "nothing";

    private static string? Dma(CheckFinding finding) => finding.Demonstration is { } dma
        ? $"{(dma.IsWrite ? "write" : "read")} of {Names.Hex(dma.Iova)} "
            + (dma.PhysicalAddress is { } address ? $"reaches {Names.Hex(address)}" : "is refused")
        : null;

    /// <summary>A packed translation in words.</summary>
    private static string Answer(ulong packed) => packed switch
    {
        0 => "fault",
        ulong.MaxValue => "unknown",
        _ => $"{Names.Hex(packed & ~3ul)}{((packed & 1) != 0 ? " r" : " -")}{((packed & 2) != 0 ? "w" : "-")}",
    };
}
