using System.Globalization;
using IommuKit.Lab.Conform;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit conform</c> says.</summary>
internal static class ConformOutput
{
    // On the screen; JSON has more.
    private const int MostShown = 10;

    /// <summary>A difference.</summary>
    public static FieldList<ConformDifference> DifferenceFields { get; } = new("conform-difference")
    {
        { "section", "the snapshot; of commands, the step of the recording", difference => difference.Snapshot },
        { "line", "the access as it was recorded, or the name of the register; of commands, the map or unmap, and its line", difference => difference.Line },
        { "expected", "what was recorded", difference => difference.Expected },
        { "seen", "what the model answers, or our driver issues", difference => difference.Seen },
        { "known", "why the recorder is known to be wrong, or why commands are meant to differ; null if neither is so", difference => difference.Known, Maybe.Null },
    };

    /// <summary>A boot.</summary>
    public static FieldList<ConformResult> Fields { get; } = new("conform")
    {
        { "boot", "the name of its folder", result => result.Boot, new("Boot", IsNumber: false) },
        { "iommu", "the kind of IOMMU", result => result.Iommu, new("IOMMU", IsNumber: false) },
        { "snapshots", "snapshots that were loaded", result => result.Snapshots, new("Snapshots", 3, Numbers.Count) },
        { "registers", "registers that were read and compared", result => result.Registers, new("Registers", 2, Numbers.Count) },
        { "probes", "accesses that were made", result => result.Probes, new("Accesses", 0, Numbers.Count) },
        { "agree", "accesses with the recorded answer", result => result.Agree, new("Agree", 0, Numbers.Count) },
        {
            "known_deviations",
            "accesses that the recorder is known to have answered wrongly; with `agree` and those that differ they are all `probes`",
            result => result.KnownDeviations,
            new("Known", 0, Numbers.Count)
        },
        {
            "groups",
            "maps and unmaps of the recorded kernel, with the commands for each, that our driver did too; null if there is none, or nothing was recorded",
            result => result.Groups,
            new("Groups", 1, CountOrNone)
        },
        { "groups_equal", "groups for which it issued the recorded commands", result => result.GroupsEqual, new("Equal", 1, CountOrNone) },
        {
            "groups_left_out",
            "unmaps without commands of their own where that can be, which were not compared; where it cannot, they are among `differ`",
            result => result.GroupsLeftOut,
            new("Left out", 2, CountOrNone)
        },
        {
            "groups_not_compared",
            "why `groups` is null; null if it is not",
            result => result.NotCompared,
            Maybe.Null
        },
        { "silent_snapshots", "snapshots to which no access was recorded, so that only their registers were compared", result => result.SilentSnapshots },
        {
            "deferred_spaces",
            "address spaces of which every group of unmaps dropped everything, if the kernel had as many queues: there our driver defers too; null without `groups`",
            result => result.DeferredSpaces
        },
        {
            "unknown",
            "differences, of registers and commands too, that are neither a known deviation of the recorder nor wanted: if any, the exit code is 1",
            result => result.Unknown,
            new("Differ", 0, Numbers.Count)
        },
        {
            "differ",
            "what differs, what is known included; the first 10,000",
            DifferenceFields,
            result => result.Differences
        },
    };

    public static void Write(Results results, IReadOnlyList<ConformResult> boots) =>
        results.Write(Fields, boots, (console, isMarkdown) => WriteTable(console, boots, isMarkdown));

    private static string CountOrNone(long? count) => count is { } known ? Numbers.Count(known) : "–";

    private static void WriteTable(IAnsiConsole console, IReadOnlyList<ConformResult> boots, bool isMarkdown)
    {
        ColumnTable.Of("Models against recorded boots", isMarkdown, Fields.Select(field => field.Column).OfType<Column<ConformResult>>(), boots)
            .Write(console);
        foreach (var boot in boots)
        {
            foreach (var known in boot.Differences.GroupBy(difference => difference.Known, StringComparer.Ordinal).Where(group => group.Key is not null))
            {
                console.Note(isMarkdown, string.Create(CultureInfo.InvariantCulture, $"{boot.Boot}: {known.Count()} known: {known.Key}."));
            }

            if (boot.DeferredSpaces is > 0 and { } deferred)
            {
                console.Note(
                    isMarkdown,
                    $"{boot.Boot}: {Numbers.Count(deferred, "address space")} taken for deferred, as each unmap there dropped everything: our driver does the same.");
            }

            if (boot.NotCompared is { } why)
            {
                console.Note(isMarkdown, $"{boot.Boot}: maps and unmaps were not compared, as {why}.");
            }

            if (boot.SilentSnapshots != 0)
            {
                console.Note(
                    isMarkdown, $"{boot.Boot}: {Numbers.Count(boot.SilentSnapshots, "snapshot")} without any recorded access: only the registers were compared.");
            }

            foreach (var difference in boot.Differences.Where(difference => difference.Known is null).Take(MostShown))
            {
                console.Note(
                    isMarkdown, $"{boot.Boot}, {difference.Snapshot}: {difference.Line}: recorded {difference.Expected}, here {difference.Seen}");
            }

            if (boot.Unknown > MostShown)
            {
                console.Note(isMarkdown, string.Create(CultureInfo.InvariantCulture, $"{boot.Boot}: {boot.Unknown - MostShown} more; --json has them."));
            }
        }

        if (boots.Any(boot => boot.KnownDeviations != 0))
        {
            console.Note(isMarkdown, "Known: accesses that the recorder is known to have answered wrongly.");
        }

        if (boots.Sum(boot => boot.GroupsLeftOut ?? 0) is > 0 and var leftOut)
        {
            console.Note(
                isMarkdown,
                $"Left out: {Numbers.Count(leftOut, "unmap")} without a command of {(leftOut == 1 ? "its" : "their")} own, which would name the address "
                + "space: invalidated later from a queue, together with others, or, in a domain without devices, not at all.");
        }

        console.Note(
            isMarkdown,
            boots.All(boot => boot.Unknown == 0)
                ? "Every register, every answer and the commands of every group that were compared are the recorded ones, or are known to differ there."
                : "Differ: registers and answers that are not what was recorded, and groups with other commands, where that is not known.");
    }
}
