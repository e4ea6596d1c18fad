using System.Globalization;
using IommuKit.Traces;

namespace IommuKit.Lab.Inspect;

/// <summary>Looks at the state of an IOMMU: what is configured, and whether that is a state to be handed over in.</summary>
internal static class Inspector
{
    // What is told of one rule and one device.
    private const int MostOverlaps = 4;

    /// <summary>Looks at a state.</summary>
    /// <param name="input">Registers and memory.</param>
    /// <param name="kinds">The kinds of IOMMU that are known.</param>
    /// <param name="reserved">Memory that no device may write.</param>
    /// <exception cref="InputException">The registers are of no IOMMU that is known.</exception>
    public static Inspection Run(InspectInput input, IReadOnlyList<IInspectKind> kinds, IReadOnlyList<InspectRange> reserved)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(kinds);
        ArgumentNullException.ThrowIfNull(reserved);
        var kind = kinds.FirstOrDefault(one => one.Recognises(input))
            ?? throw new InputException(
                $"{(input.Origin is { } origin ? $"{origin}: " : string.Empty)}the registers of {input.Name} are of no IOMMU that is known here, which are "
                + $"{string.Join(", ", kinds.Select(one => one.Name))}: its registers of identification (lines of I) say what it is");
        var builder = new InspectBuilder(input.Memory);
        kind.Read(input, builder);
        var sources = ReadTables(builder);
        Audit(sources, reserved, builder);
        var order = InspectRule.All.Select((rule, index) => (rule, index)).ToDictionary(pair => pair.rule, pair => pair.index);
        return new Inspection(
            input.Name,
            kind.Name,
            sources,
            builder.Blocked,
            builder.IsFull || builder.Tables.IsCut,
            [.. builder.Findings.OrderBy(finding => order[finding.Rule]).ThenBy(finding => !finding.IsWrong)]);
    }

    /// <summary>Reads the page tables, and says of each once what is wrong with it.</summary>
    private static List<InspectSource> ReadTables(InspectBuilder builder)
    {
        var seen = new HashSet<InspectTable>();
        var sources = new List<InspectSource>();
        foreach (var source in builder.Sources)
        {
            for (var table = source.Table; table is not null && seen.Add(table); table = table.Under)
            {
                Judge(source, table, builder);
            }

            sources.Add(source with { Contents = source.Table is { } own ? builder.Tables.Read(own, out _) : null });
        }

        // An audit that did not see all must not end as one that found nothing.
        if (builder.IsFull)
        {
            string most = builder.Sources.Count >= InspectBuilder.MostSources
                ? string.Create(CultureInfo.InvariantCulture, $"{InspectBuilder.MostSources} devices and PASIDs")
                : string.Create(CultureInfo.InvariantCulture, $"{InspectBuilder.MostEntries} entries of tables of devices and PASIDs");
            builder.Require(false, InspectRule.Tables, $"{most} were looked at: if there are more, they were not");
        }

        if (sources.Find(source => source.Contents is { IsCut: true }) is { } cut)
        {
            builder.Require(
                false,
                InspectRule.Tables,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{cut.FullName}: its page table at 0x{cut.Table!.Root:x} has no end within {InspectBudget.MostTables} tables or {InspectBudget.MostMappings} ")
                    + "ranges, those of the devices before it counted: what else is in it and in those after it was not looked at");
        }

        return sources;
    }

    private static void Judge(InspectSource source, InspectTable table, InspectBuilder builder)
    {
        var contents = builder.Tables.Read(table, out string? why);
        builder.Require(
            contents is not null, InspectRule.Tables, $"{source.FullName}: its page table at 0x{table.Root:x} cannot be read: {why}");
        if (contents is { Problems: > 0 and var problems, FirstProblem: var first })
        {
            builder.Require(
                false,
                InspectRule.Tables,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{source.FullName}: {problems} entries of its page table are illegal or lead nowhere; {first}"));
        }
    }

    private static void Audit(List<InspectSource> sources, IReadOnlyList<InspectRange> reserved, InspectBuilder builder)
    {
        string[] passing = [.. sources.Where(source => source.State == InspectState.Bypass).Select(source => source.FullName)];
        if (passing.Length != 0)
        {
            string verb = passing.Length == 1 ? "passes" : "pass";
            builder.Note(InspectRule.Bypass, $"{string.Join(", ", passing.Take(MostOverlaps))}{More(passing.Length)} {verb} untranslated");
        }

        var steering = new RangeIndex(
            builder.Structures.Concat(sources.Select(source => source.Contents).OfType<InspectedTable>().Distinct().SelectMany(contents => contents.Tables)));
        var kept = new RangeIndex(reserved);
        foreach (var source in sources.Where(source => source.Contents is not null).DistinctBy(source => source.Table))
        {
            Refuse(source, steering, InspectRule.Reach, builder);
            Refuse(source, kept, InspectRule.Reserved, builder);
        }
    }

    /// <summary>A source must not write some memory.</summary>
    private static void Refuse(InspectSource source, RangeIndex ranges, InspectRule rule, InspectBuilder builder)
    {
        long found = 0;
        foreach (var (iova, first, last, _, _) in source.Contents!.Writable)
        {
            int count = ranges.Count(first, last);
            if (count != 0 && found < MostOverlaps)
            {
                foreach (var range in ranges.Find(first, last).Take((int)(MostOverlaps - found)))
                {
                    ulong where = Math.Max(first, range.First);
                    builder.Require(false, rule, $"{source.FullName} may write {range.What} at 0x{where:x}, by IOVA 0x{iova + (where - first):x}");
                }
            }

            found += count;
        }

        if (found > MostOverlaps)
        {
            builder.Require(false, rule, string.Create(CultureInfo.InvariantCulture, $"{source.FullName}: {found - MostOverlaps} more like that"));
        }
    }

    private static string More(int count) =>
        count <= MostOverlaps ? string.Empty : string.Create(CultureInfo.InvariantCulture, $" and {count - MostOverlaps} more");
}
