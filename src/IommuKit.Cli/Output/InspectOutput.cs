using System.Globalization;
using IommuKit.Lab;
using IommuKit.Lab.Inspect;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit inspect</c> says.</summary>
internal static class InspectOutput
{
    // On the screen; JSON has all.
    private const int MostShown = 40;

    /// <summary>What is configured for a device or a PASID.</summary>
    public static FieldList<InspectSource> SourceFields { get; } = new("inspect-source")
    {
        { "device", "a StreamID, or bus, device and function", source => source.Name, new("Device", IsNumber: false) },
        { "pasid", "the PASID; null for what comes without one", source => (long?)source.Pasid, new("PASID", 3, NumberOrNone) },
        {
            "state",
            "`translated`, `bypass`, `not-followed` where the tables of one stage are translated by the other, or `illegal`",
            source => Names.Of(source.State),
            new("State", IsNumber: false)
        },
        { "how", "by what, in words of the architecture", source => source.Kind, new("How", 1, IsNumber: false) },
        { "space", "the tag of its address space: ASID, VMID or domain id", source => (long?)source.Space, new("Tag", 2, NumberOrNone) },
        {
            "root",
            "physical address of the root of its page table",
            source => source.Table is { } table ? Names.Hex(table.Root) : null,
            Maybe.Null,
            new("Root", 1, text => text ?? "–", IsNumber: false)
        },
        {
            "format", "the format of the page table, as `dump` names it", source => source.Table?.Format.Name, Maybe.Null,
            new("Format", 4, text => text ?? "–", IsNumber: false)
        },
        { "input_bits", "bits of an IOVA", source => (long?)source.Table?.InputBits },
        { "tables", "tables, the root among them", source => (long?)source.Contents?.Tables.Count, new("Tables", 5, NumberOrNone) },
        { "mapped_bytes", "bytes mapped", source => source.Contents?.Bytes, new("Mapped", 0, BytesOrNone) },
        { "writable_bytes", "bytes that may be written", source => source.Contents?.WritableBytes, new("Writable", 2, BytesOrNone) },
    };

    /// <summary>What a rule says.</summary>
    public static FieldList<InspectFinding> FindingFields { get; } = new("inspect-finding")
    {
        { "rule", "the rule's name", finding => finding.Rule.Name },
        { "wrong", "whether it is broken; if not, something that may be meant so is told", finding => finding.IsWrong },
        { "what", "what is so", finding => finding.What },
        { "reason", "why it is a rule", finding => finding.Rule.Reason },
    };

    /// <summary>A state.</summary>
    public static FieldList<Inspection> Fields { get; } = new("inspect")
    {
        { "name", "the snapshot, or the file of registers", state => state.Name, new("State", IsNumber: false) },
        { "iommu", "the kind of IOMMU", state => state.Iommu, new("IOMMU", IsNumber: false) },
        {
            "translated",
            "devices and PASIDs that are translated",
            state => Count(state, InspectState.Translated),
            new("Translated", 0, Numbers.Count)
        },
        { "bypass", "those that pass untranslated", state => Count(state, InspectState.Bypass), new("Bypass", 0, Numbers.Count) },
        { "blocked", "entries that let nothing pass", state => state.Blocked, new("Blocked", 1, Numbers.Count) },
        { "cut", "whether there are more devices, PASIDs or page tables than were looked at; if so, `findings` say which", state => state.IsCut },
        {
            "wrong",
            "rules that are broken, each as often as it is: if any, the exit code is 1",
            state => (long)state.Wrong,
            new("Wrong", 0, Numbers.Count)
        },
        { "sources", "what is configured", SourceFields, state => state.Sources },
        { "findings", "what the rules say", FindingFields, state => state.Findings },
    };

    public static void Write(Results results, IReadOnlyList<Inspection> states) =>
        results.Write(Fields, states, (console, isMarkdown) => WriteTables(console, states, isMarkdown));

    private static long Count(Inspection state, InspectState wanted) => state.Sources.Count(source => source.State == wanted);

    private static string NumberOrNone(long? number) => number is { } known ? known.ToString(CultureInfo.InvariantCulture) : "–";

    private static string BytesOrNone(ulong? bytes) => bytes is { } known ? ByteSize.Format(known) : "–";

    private static void WriteTables(IAnsiConsole console, IReadOnlyList<Inspection> states, bool isMarkdown)
    {
        long wrong = states.Sum(state => (long)state.Wrong);
        console.Note(isMarkdown, wrong == 0
            ? "Nothing is wrong by the rules of a hand-over."
            : $"{Numbers.Count(wrong, "time")} a rule of a hand-over is broken.");
        if (states.Count > 1)
        {
            ColumnTable.Of("States", isMarkdown, Fields.Select(field => field.Column).OfType<Column<Inspection>>(), states).Write(console);
        }

        foreach (var state in states)
        {
            if (states.Count == 1)
            {
                WriteSources(console, state, isMarkdown);
            }

            foreach (var group in state.Findings.GroupBy(finding => (finding.Rule, finding.IsWrong)))
            {
                string heading = group.Key.IsWrong ? "wrong" : "to be known";
                console.Note(isMarkdown, $"{state.Name}, {heading}, {group.Key.Rule.Name}: {group.Key.Rule.Reason}.");
                foreach (var finding in group)
                {
                    console.Note(isMarkdown, $"  {finding.What}.");
                }
            }
        }
    }

    private static void WriteSources(IAnsiConsole console, Inspection state, bool isMarkdown)
    {
        ColumnTable.Of(
            $"{state.Name} ({state.Iommu}): what is configured",
            isMarkdown,
            SourceFields.Select(field => field.Column).OfType<Column<InspectSource>>(),
            state.Sources.Take(MostShown)).Write(console);
        if (state.Sources.Count > MostShown)
        {
            console.Note(isMarkdown, $"{Numbers.Count(state.Sources.Count - MostShown)} more; --json has them.");
        }

        console.Note(isMarkdown, $"{Numbers.Count(state.Blocked, "entry lets", "entries let")} nothing pass.");
    }
}
