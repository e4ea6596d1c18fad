using System.Globalization;
using IommuKit.Checker;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The tables of <c>iommukit check</c>.</summary>
internal static class CheckTable
{
    public static void Write(IAnsiConsole console, CheckResult result, IReadOnlyList<DirectionNeeds> needs, bool isMarkdown)
    {
        WritePlanted(console, result, isMarkdown);
        if (result is { IsInterrupted: true, Configurations.Count: 0 })
        {
            console.Note(isMarkdown, "Interrupted while bugs were planted, so nothing is said about the drivers.");
            return;
        }

        if (!result.IsTrustworthy)
        {
            WriteOwn(console, result, isMarkdown);
            return;
        }

        var leftOut = WriteNeeds(console, needs, isMarkdown).Concat(WriteConfigurations(console, result, isMarkdown)).ToArray();
        ColumnTable.WriteLeftOut(console, leftOut);
        console.Note(
            isMarkdown,
            "Sequences, interruptions, random: scenarios. Steps: accesses to the hardware, each checked. "
                + "Maintenance, for nothing, least: of the scenarios of one and two operations.");
        console.Note(
            isMarkdown,
            "For nothing: it changed nothing about what hardware may do wrong. "
                + "Least: what would have done without dropping anything that is right. docs/checker.md says how both are found.");
        WriteFindings(console, result, isMarkdown);
        console.WriteLine();
        int wrong = result.Findings.Count();
        var ends = new EndsRecord(result.AtEnds);
        console.Note(
            isMarkdown,
            $"At the ends of the address space: {Numbers.Count(ends.Scenarios, "scenario")}, {Numbers.Count(ends.Steps, "step")}, "
                + $"on {Numbers.Count(ends.Iommus.Count, "IOMMU")}, {Missing(ends)}.");
        if (result.IsInterrupted)
        {
            console.Note(isMarkdown, "Interrupted: what follows is of what was run until then, not of all that was asked for.");
        }

        console.Note(
            isMarkdown,
            wrong == 0
                ? $"No flush is missing in {Numbers.Count(result.Configurations.Count, "configuration")}, "
                    + $"{Numbers.Count(Scenarios(result), "scenario")}, {Numbers.Count(result.Configurations.Sum(one => one.Steps), "step")}."
                : $"{Numbers.Count(wrong, "configuration")} of {Numbers.Count(result.Configurations.Count + result.AtEnds.Count)} {(wrong == 1 ? "is" : "are")} wrong.");
        long exhausted = result.Configurations.Sum(one => one.Exhausted) + ends.Exhausted;
        if (exhausted != 0)
        {
            console.Note(
                isMarkdown,
                $"{Numbers.Count(exhausted, "scenario")} could not be followed to the end: "
                    + "an entry had more values than the checker can tell apart.");
        }
    }

    /// <summary>Writes one finding with all that is known about it.</summary>
    public static void WriteFinding(IAnsiConsole console, CheckFinding? finding, bool isMarkdown)
    {
        if (finding is null)
        {
            console.Note(isMarkdown, "Nothing is wrong in this scenario.");
            return;
        }

        var record = new FindingRecord(finding);
        console.Note(isMarkdown, $"{record.Verdict}: {record.Cause}");
        console.Note(isMarkdown, $"  {finding.Case.Configuration}: {record.Scenario}");
        console.Note(isMarkdown, $"  IOVA {record.Iova} may answer {record.MayAnswer}; promised is {record.Promised}");
        console.Note(isMarkdown, "  what happened to the entries that translate it (numbers count accesses to the hardware):");
        foreach (string line in record.History)
        {
            console.Note(isMarkdown, $"  {line}");
        }

        console.Note(
            isMarkdown,
            record.Dma is null ? "  in the model it could not be made to happen" : $"  in the model it happens: a {record.Dma}");
        foreach (string line in record.Events)
        {
            console.Note(isMarkdown, $"    {line}");
        }

        console.Note(isMarkdown, $"  again: {record.Again}");
    }

    /// <summary>The command that shows a finding again.</summary>
    public static string CommandFor(CheckFinding finding)
    {
        var configuration = finding.Case.Configuration;
        string planted = finding.Case.Bug is { } bug ? $" --plant {bug.Name}" : string.Empty;
        return $"iommukit check --iommu {configuration.Target.Name} --policy {configuration.Policy} --release {configuration.Release}"
            + $"{planted} --replay \"{finding.Case.Text}\"";
    }

    /// <summary>Writes what is wrong with drivers without a planted bug, if that is why one could not be told.</summary>
    private static void WriteOwn(IAnsiConsole console, CheckResult result, bool isMarkdown)
    {
        if (!result.Findings.Any())
        {
            console.Note(isMarkdown, "Not every planted bug was found, so nothing is said about the drivers.");
            return;
        }

        console.Note(
            isMarkdown,
            "Not every planted bug could be told from what is wrong without it. "
                + "Nothing is said about other configurations until that is mended:");
        WriteFindings(console, result, isMarkdown);
    }

    private static void WriteFindings(IAnsiConsole console, CheckResult result, bool isMarkdown)
    {
        foreach (var finding in result.Findings)
        {
            console.WriteLine();
            WriteFinding(console, finding, isMarkdown);
        }
    }

    private static string Missing(EndsRecord ends) =>
        ends.Missing == 0 ? "nothing missing" : $"{Numbers.Count(ends.Missing, "configuration")} wrong";

    private static long Scenarios(CheckResult result) =>
        result.Configurations.Sum(one => one.Sequences + one.Interleavings + one.RandomScenarios);

    private static void WritePlanted(IAnsiConsole console, CheckResult result, bool isMarkdown)
    {
        int caught = result.Planted.Count(planted => planted.IsCaught);
        string title = $"Planted bugs: {caught} of {result.Planted.Count} found, each with a wrong DMA in the model";
        var table = new ColumnTable(title, isMarkdown);
        table.AddColumn("Bug", isNumber: false);
        table.AddColumn("Found", isNumber: false);
        table.AddColumn("Called", rank: 1, isNumber: false);
        table.AddColumn("Like", rank: 2, isNumber: false);
        table.AddColumn("What the driver does wrong", rank: 3, isNumber: false);
        foreach (var bug in result.Planted.GroupBy(planted => planted.Bug))
        {
            table.AddRow(
                bug.Key.Name,
                $"{bug.Count(planted => planted.IsCaught)} of {bug.Count()}",
                string.Join(", ", bug.Select(planted => planted.Finding?.Verdict).OfType<Verdict>().Distinct().Select(Names.Of)),
                bug.Key.Reference,
                bug.Key.Description);
        }

        table.Write(console);
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

        string doubt = finding.IsConfirmed ? string.Empty : ", not seen in the model";
        string own = missed.Own is null ? string.Empty : ", wrong without it";
        return $" (called {Names.Of(finding.Verdict)}{doubt}{own})";
    }

    private static IReadOnlyList<string> WriteNeeds(IAnsiConsole console, IReadOnlyList<DirectionNeeds> needs, bool isMarkdown)
    {
        var table = new ColumnTable(
            $"What {needs[0].Pages} pages in one table need: cleans+barriers+table cache+TLB+waits; "
                + "and a map whose flush does not know its direction",
            isMarkdown);
        table.AddColumn("IOMMU", isNumber: false);
        table.AddColumn("Map");
        table.AddColumn("Unmap");
        table.AddColumn("Map, no direction", rank: 2);
        table.AddColumn("For nothing", rank: 1);
        foreach (var need in needs)
        {
            table.AddRow(
                need.Target.Name,
                Parts(need.Map),
                Parts(need.Unmap),
                Parts(need.MapUndirected),
                Numbers.Count(need.MapUndirected.Wasted));
        }

        var leftOut = table.Write(console);
        console.WriteLine();
        return leftOut;
    }

    private static IReadOnlyList<string> WriteConfigurations(IAnsiConsole console, CheckResult result, bool isMarkdown)
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

        return table.Write(console);
    }

    private static string Parts(LeastWork work) =>
        Parts(work.Cleans, work.Barriers, work.TableCacheDrops, work.TranslationDrops, work.Waits);

    private static string Parts(WasteCounts work) =>
        Parts(work.Cleans, work.Barriers, work.TableCacheDrops, work.TranslationDrops, work.Waits);

    private static string Parts(params ReadOnlySpan<long> counts) => counts.ContainsAnyExcept(0) ? string.Join('+', counts.ToArray()) : "nothing";
}
