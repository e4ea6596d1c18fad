using System.Globalization;
using IommuKit.Lab;
using IommuKit.Lab.Dump;
using IommuKit.Lab.Formats;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Cli.Output;

/// <summary>The tree of <c>iommukit dump</c>.</summary>
internal static class DumpTree
{
    // Of more, the number says enough.
    private const int ShownProblems = 20;

    public static void Write(TextWriter writer, DumpResult dump, bool isRaw, ForeignDumpResult? foreign = null)
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
            writer.WriteLine($"skipped: {Skips.Describe(skipped, "the format")}");
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
