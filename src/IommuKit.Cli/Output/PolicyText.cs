using IommuKit.Lab;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The text of <c>iommukit policies</c>: a section for each.</summary>
internal static class PolicyText
{
    public static void Write(IAnsiConsole console, IReadOnlyList<PolicyRecord> records, bool isMarkdown)
    {
        var sections = new Sections(console, isMarkdown, records.Max(record => record.Policy.Length) + 2);
        sections.Plain("A flush policy says when the caches of an IOMMU are brought into step after map and unmap, and in how many pieces.");
        foreach (var record in records)
        {
            string mark = record.PromisesAll ? string.Empty : " *";
            sections.Section(
                record.Policy + mark,
                [
                    (record.Does, null),
                    ($"Promises: {record.Promises}", record.PromisesAll ? null : new Style(Color.Yellow)),
                    ($"Costs: {record.Costs}", null),
                    ($"Choose it if: {record.ChooseIf}", null),
                    ($"From: {record.KnownFrom}. {Example(record)}", null),
                ]);
        }

        console.WriteLine();
        sections.Plain("* promises less than the others. 'iommukit replay TRACE' shows for how long, and of how many pages, with your own trace.");
        sections.Plain("Examples are virtual time: operations times their cost, on the machine that the costs are for.");
    }

    private static string Example(PolicyRecord record)
    {
        string left = record.ExampleReachablePages == 0 ? string.Empty
            : $", and leave {Numbers.Count(record.ExampleReachablePages, "page")} reachable until the flush that is counted here";
        return $"If this were a {record.ExampleIommu}, an unmap of {ByteSize.Format(record.ExampleBytes)} would take "
            + $"{Numbers.Microseconds(record.ExampleUnmapVirtualUs)} µs{left}.";
    }
}
