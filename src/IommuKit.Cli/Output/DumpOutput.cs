using System.Globalization;
using IommuKit.Lab;
using IommuKit.Lab.Dump;
using IommuKit.Lab.Formats;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit dump</c> says: page tables as a tree, and where one that somebody else wrote is wrong.</summary>
internal static class DumpOutput
{
    private const string NativeMeaning = "what the architecture calls the level (`Arm's level 0`, `AMD's level 4`, `PML4`, `SS-PD`, `page directory`); "
        + "null where it counts as we do (RISC-V)";

    private const string FlagsMeaning = "its flags, by the names of the architecture";

    private const string LevelMeaning = "its level; level 0 holds the smallest pages";

    /// <summary>A range.</summary>
    public static FieldList<(FormatKind Format, DumpRange Range)> RangeFields { get; } = new("dump-range")
    {
        { "level", LevelMeaning, of => of.Range.Level },
        { "iova", "its first IOVA", of => Names.Hex(of.Range.Iova) },
        { "last_iova", "its last IOVA", of => Names.Hex(of.Range.LastIova) },
        { "physical_address", "where the first is", of => Names.Hex(of.Range.PhysicalAddress) },
        { "last_physical_address", "where the last is", of => Names.Hex(of.Range.LastPhysicalAddress) },
        { "pages", "leaves", of => of.Range.Pages },
        { "page_bytes", "what a leaf maps", of => 1ul << of.Range.PageLog2 },
        { "protection", "what is allowed, in the letters of `--map`", of => DumpMap.Describe(of.Range.Protection) },
        { "flags", FlagsMeaning, of => of.Range.Flags },
        { "entry", "the first entry", of => Names.Hex(of.Range.Entry) },
        { "native_level", NativeMeaning, of => of.Format.NameLevel(of.Range.Level), Maybe.Null },
    };

    /// <summary>An entry of a walk.</summary>
    public static FieldList<(FormatKind Format, DumpStep Step)> StepFields { get; } = new("dump-step")
    {
        { "level", LevelMeaning, of => of.Step.Level },
        { "native_level", NativeMeaning, of => of.Format.NameLevel(of.Step.Level), Maybe.Null },
        { "index", "its place in the table", of => of.Step.Index },
        { "address", "where it is", of => Names.Hex(of.Step.Step.EntryAddress) },
        { "entry", "its value", of => Names.Hex(of.Step.Step.Value) },
        {
            "kind",
            "`table`, `leaf` or why it faults: `not-present`, `reserved`, `not-accessed`, `address-too-wide`",
            of => Names.Of(of.Step.Decoded.Kind)
        },
        {
            "table",
            "the table it points to",
            of => of.Step.Decoded.Kind == WalkEntryKind.Table ? Names.Hex(of.Step.Decoded.Address) : null,
            Maybe.Null
        },
        { "page_bytes", "what a leaf maps", of => of.Step.Decoded.Kind == WalkEntryKind.Leaf ? 1ul << of.Step.Decoded.SizeLog2 : (ulong?)null },
        {
            "physical_address",
            "that of the IOVA, at the end",
            of => of.Step.Step.End == WalkEnd.Page ? Names.Hex(of.Step.Step.PhysicalAddress) : null,
            Maybe.Null
        },
        { "protection", "what is left of the rights so far, in the letters of `--map`", of => DumpMap.Describe(of.Step.Rights) },
        { "flags", FlagsMeaning, of => of.Step.Flags },
    };

    /// <summary>A table.</summary>
    public static FieldList<(FormatKind Format, DumpTable Table)> TableFields { get; } = new("dump-table")
    {
        { "level", LevelMeaning, of => of.Table.OwnLevel },
        { "address", "where it is", of => Names.Hex(of.Table.Address) },
        { "iova", "the first IOVA that it translates", of => Names.Hex(of.Table.Iova) },
        { "pointer", "the entry that points to it; `0x0` for the root", of => Names.Hex(of.Table.Entry) },
        { "entries", "entries that it holds", of => of.Table.Entries },
        { "entries_used", "of them, those that are not vacant", of => of.Table.EntriesUsed },
        { "cache_lines", "lines of 64 bytes that hold those", of => of.Table.CacheLines },
        { "native_level", NativeMeaning, of => of.Format.NameLevel(of.Table.OwnLevel), Maybe.Null },
    };

    /// <summary>An illegal entry.</summary>
    public static FieldList<DumpProblem> ProblemFields { get; } = new("dump-illegal")
    {
        { "iova", "the first IOVA that it would translate", problem => Names.Hex(problem.Iova) },
        { "level", LevelMeaning, problem => problem.Level },
        { "entry_address", "where it is", problem => Names.Hex(problem.EntryAddress) },
        { "entry", "its value", problem => Names.Hex(problem.Value) },
        { "end", "`reserved`, `not-accessed`, `address-too-wide` or `not-readable`", problem => Names.Of(problem.End) },
        { "meaning", "what is wrong", problem => problem.Meaning },
    };

    /// <summary>A dump; what is read from a dump of memory has more to say.</summary>
    public static FieldList<(DumpResult Dump, ForeignDumpResult? Foreign)> Fields { get; } = new("dump")
    {
        { "format", "the page-table format", of => of.Dump.Format.Name },
        { "input_bits", "bits of an IOVA", of => of.Dump.InputBits },
        { "output_bits", "bits of a physical address", of => of.Dump.OutputBits },
        { "page_sizes", "the page sizes in use", of => ByteSize.FormatAll(of.Dump.PageSizes) },
        { "table_count", "tables", of => of.Dump.Tables },
        { "entries_used", "entries that are not vacant", of => of.Dump.Entries },
        { "cache_lines", "lines of 64 bytes that hold them", of => of.Dump.CacheLines },
        { "bytes_mapped", "bytes of IOVA mapped", of => of.Dump.BytesMapped },
        {
            "skipped_events",
            "events of the trace that could not be done in this format, or not wholly; see `skipped`",
            of => of.Dump.Trace?.Skipped.Sum(skipped => skipped.Count) ?? 0
        },
        { "tables", "the tables", TableFields, of => of.Dump.Root.Tables.Select(table => (of.Dump.Format, table)) },
        {
            "ranges",
            "neighbouring leaves of one table that map neighbouring memory in the same way",
            RangeFields,
            of => of.Dump.Root.Ranges.Select(range => (of.Dump.Format, range))
        },
        { "skipped", SkipText.Meaning, SkipText.Fields, of => of.Dump.Trace?.Skipped ?? [] },
        {
            "peak_live_pages",
            "the most pages of 4 KiB that the trace has mapped here; null without a trace",
            of => of.Dump.Trace?.PeakBytes / SmallPage.Bytes
        },
        { "peak_line", "the first line after which it has; null without a trace", of => of.Dump.Trace?.PeakLine },
        {
            "is_peak",
            "whether the tables are those after that line (`--peak`) rather than at the end",
            of => of.Dump.Trace is { IsPeak: true }
        },
        {
            "walk",
            "with `--walk`, the entries that hardware reads for that IOVA",
            StepFields,
            of => of.Dump.Walk?.Steps.Select(step => (of.Dump.Format, step)),
            Maybe.Null
        },
        { "problem", "with `--lenient`: what is wrong with the trace as a whole", of => of.Dump.Trace?.Problem, Maybe.Null },
        {
            "illegal_entries",
            "with `--memory`: entries that are not vacant and end in a fault",
            of => of.Foreign?.ProblemCount
        },
        { "illegal", "the first 1000 of them", ProblemFields, of => of.Foreign?.Problems, Maybe.Null },
        {
            "is_cut",
            "with `--memory`: whether there is more, because tables point to one another so often that not all ways through them were followed",
            of => of.Foreign?.IsCut
        },
    };

    // Of more, the number says enough.
    private const int ShownProblems = 20;

    /// <summary>Writes a dump in a format.</summary>
    public static void Write(TextWriter writer, OutputFormat format, DumpResult dump, bool isRaw, ForeignDumpResult? foreign = null)
    {
        switch (format)
        {
            case OutputFormat.Json:
                Json.Write(writer, Fields, (dump, foreign));
                break;
            case OutputFormat.JsonLines:
                Json.WriteLines(writer, Fields, [(dump, foreign)]);
                break;
            case OutputFormat.Csv when dump.Walk is { } walk:
                Csv.Write(writer, StepFields, [.. walk.Steps.Select(step => (dump.Format, step))]);
                break;
            case OutputFormat.Csv:
                Csv.Write(writer, RangeFields, [.. dump.Root.Ranges.Select(range => (dump.Format, range))]);
                break;
            case OutputFormat.Markdown:
                writer.WriteLine("```text");
                WriteTree(writer, dump, isRaw, foreign);
                writer.WriteLine("```");
                break;
            default:
                WriteTree(writer, dump, isRaw, foreign);
                break;
        }
    }

    private static void WriteTree(TextWriter writer, DumpResult dump, bool isRaw, ForeignDumpResult? foreign)
    {
        writer.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{dump.Format.Name}: IOVAs of {dump.InputBits} bits, physical addresses of {dump.OutputBits} bits, "
                + $"pages of {ByteSize.FormatAll(dump.PageSizes)}"));
        if (dump.Walk is { } walk)
        {
            WriteWalk(writer, dump, walk);
            return;
        }

        writer.WriteLine(Table(dump.Format, dump.Root));
        WriteItems(writer, dump.Format, dump.Root, string.Empty, isRaw);
        writer.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Count(dump.Tables, "table")}, {Count(dump.Entries, "entry", "entries")}, {Count(dump.CacheLines, "cache line")}, "
            + $"{ByteSize.Format(dump.BytesMapped)} mapped"));
        if (foreign is not null)
        {
            WriteProblems(writer, foreign);
        }

        if (dump.Trace is { } trace)
        {
            WriteTrace(writer, trace);
        }
    }

    private static void WriteProblems(TextWriter writer, ForeignDumpResult foreign)
    {
        foreach (var problem in foreign.Problems.Take(ShownProblems))
        {
            writer.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"illegal: IOVA 0x{problem.Iova:x}, level {problem.Level}, entry 0x{problem.Value:x} at 0x{problem.EntryAddress:x}: {problem.Meaning}"));
        }

        if (foreign.ProblemCount > ShownProblems)
        {
            writer.WriteLine($"illegal: {Numbers.Count(foreign.ProblemCount - ShownProblems)} more");
        }

        if (foreign.IsCut)
        {
            writer.WriteLine("not all is shown: tables point to one another so often that there is no end of it");
        }
    }

    /// <summary>Writes each entry that a walk reads on a line of its own, and where it ends.</summary>
    private static void WriteWalk(TextWriter writer, DumpResult dump, DumpWalk walk)
    {
        foreach (var step in walk.Steps)
        {
            writer.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"level {step.Level}{Native(dump.Format, step.Level)}, entry {step.Index} at 0x{step.Step.EntryAddress:x}: 0x{step.Step.Value:x}  {Describe(step)}"));
        }

        writer.WriteLine(walk.PhysicalAddress is { } address
            ? $"0x{walk.Iova:x} → 0x{address:x}  {DumpMap.Describe(walk.Last.Rights)}"
            : $"0x{walk.Iova:x} faults: {DumpProblem.Explain(walk.Last.Step.End)}");
        if (dump.Trace is { } trace)
        {
            WriteTrace(writer, trace);
        }
    }

    private static string Describe(DumpStep step) => step.Step.End switch
    {
        WalkEnd.Table => $"table at 0x{step.Decoded.Address:x}",
        WalkEnd.Page => $"page: {ByteSize.Format(1ul << step.Decoded.SizeLog2)} at 0x{step.Decoded.Address:x}  "
            + $"{DumpMap.Describe(step.Decoded.Rights)}  [{step.Flags}]",
        _ => DumpProblem.Explain(step.Step.End),
    };

    private static string Native(FormatKind format, int level) => format.NameLevel(level) is { } name ? $" ({name})" : string.Empty;

    private static void WriteTrace(TextWriter writer, DumpTrace trace)
    {
        string peak = $"{Numbers.Count((long)(trace.PeakBytes / SmallPage.Bytes), "page")} of 4K";
        if (trace.PeakLine == 0)
        {
            writer.WriteLine("nothing of the trace could be mapped here");
        }
        else if (trace.IsPeak)
        {
            writer.WriteLine($"the trace up to line {trace.PeakLine}, where it has most mapped: {peak}");
        }
        else if (trace.LiveBytes == 0)
        {
            writer.WriteLine($"the trace leaves nothing mapped (at most {peak} at line {trace.PeakLine}; --peak shows that)");
        }

        foreach (var skipped in trace.Skipped)
        {
            writer.WriteLine($"skipped: {SkipText.Describe(skipped, "the format")}");
        }

        if (trace.Problem is not null)
        {
            writer.WriteLine($"{trace.Problem}: what comes before is above");
        }
    }

    private static void WriteItems(TextWriter writer, FormatKind format, DumpTable table, string indent, bool isRaw)
    {
        for (int index = 0; index < table.Items.Count; index++)
        {
            bool isLast = index == table.Items.Count - 1;
            var item = table.Items[index];
            string raw = isRaw ? $"  0x{item.Entry:x}" : string.Empty;
            writer.WriteLine($"{indent}{(isLast ? "└─ " : "├─ ")}{Text(format, item)}{raw}");
            if (item is DumpTable below)
            {
                WriteItems(writer, format, below, indent + (isLast ? "   " : "│  "), isRaw);
            }
        }
    }

    private static string Text(FormatKind format, DumpItem item) => item switch
    {
        DumpRange range => string.Create(
            CultureInfo.InvariantCulture,
            $"0x{range.Iova:x}..0x{range.LastIova:x} → 0x{range.PhysicalAddress:x}..0x{range.LastPhysicalAddress:x}  "
            + $"{range.Pages} × {ByteSize.Format(1ul << range.PageLog2)}  {DumpMap.Describe(range.Protection)}  [{range.Flags}]"),
        _ => $"0x{item.Iova:x}..0x{item.LastIova:x}: {Table(format, (DumpTable)item)}",
    };

    private static string Table(FormatKind format, DumpTable table) => string.Create(
        CultureInfo.InvariantCulture,
        $"level {table.OwnLevel} table{Native(format, table.OwnLevel)} at 0x{table.Address:x}, {table.EntriesUsed} of {table.Entries} entries, {Count(table.CacheLines, "line")}");

    private static string Count(long count, string one, string? many = null) =>
        string.Create(CultureInfo.InvariantCulture, $"{count:#,0} {(count == 1 ? one : many ?? $"{one}s")}");
}
