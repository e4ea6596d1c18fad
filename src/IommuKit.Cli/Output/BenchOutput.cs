using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Machines;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit bench</c> says.</summary>
internal static class BenchOutput
{
    /// <summary>An operation under a policy on an IOMMU.</summary>
    public static FieldList<(BenchRow Row, BenchOptions Options)> Fields { get; } = new("bench")
    {
        { "iommu", "the IOMMU, as `iommukit models` lists it", of => of.Row.Iommu },
        { "policy", Promises.PolicyMeaning, of => of.Row.Policy.ToString() },
        { "op", "`map` or `unmap`", of => Names.Of(of.Row.Operation) },
        { "size_bytes", "size of the range", of => of.Row.Size },
        { "pages", "pages of 4 KiB", of => of.Row.Pages },
        {
            "paper_before_us",
            "mean of the proposal's samples with a flush for every page; null where it measured nothing",
            of => of.Row.PaperBefore?.Mean
        },
        { "paper_after_us", "the same with one flush for the range", of => of.Row.PaperAfter?.Mean },
        { "virtual_us", "virtual time of the operation, with the flush that completes it", of => of.Row.VirtualMicroseconds, 3 },
        { Operations.Fields, of => of.Row.Counts },
        {
            "bound",
            "the least `maintenance` that would have sufficed without dropping anything else from a cache; null if `check` does not know it, or devices have TLBs",
            of => of.Row.Bound?.Maintenance
        },
        {
            "bound_operations",
            "`bound` by kind of operation, as `operations`",
            new NamedValues<(BenchRow Row, BenchOptions Options)>(
                [.. Bounds.Kinds.Select(OperationKinds.NameOf)],
                (of, name) => of.Row.Bound?[OperationKinds.Find(name)!.Value] is { } least and not 0 ? new(least) : null,
                "0")
        },
        { "tlb_hits", "what the model's TLB did when a device then tried every page once", of => of.Row.Caches.TlbHits },
        { "tlb_misses", "translations that needed a walk", of => of.Row.Caches.TlbMisses },
        { "table_cache_hits", "reads of table memory that the cache for it answered", of => of.Row.Caches.TableCacheHits },
        { "table_cache_misses", "reads of table memory that went to memory", of => of.Row.Caches.TableCacheMisses },
        { "layout", "`scattered` or `contiguous`", of => Names.Of(of.Options.Layout) },
        { "tables", "`existing` or `fresh`", of => Names.Of(of.Options.Tables) },
        { "costs", ReplayOutput.CostsMeaning, of => of.Row.Costs },
        {
            "tuning",
            Tuning.Meaning,
            Tuning.Field<(BenchRow Row, BenchOptions Options)>(of => (of.Options.Settings, of.Options.FlushAllPages))
        },
        { "paper_before_min_us", "least of the proposal's samples with a flush for every page", of => of.Row.PaperBefore?.Min },
        { "paper_before_max_us", "most of them", of => of.Row.PaperBefore?.Max },
        { "paper_after_min_us", "least of the proposal's samples with one flush for the range", of => of.Row.PaperAfter?.Min },
        { "paper_after_max_us", "most of them", of => of.Row.PaperAfter?.Max },
        { "promises_all", Promises.AllMeaning, of => of.Row.Policy.IsFull() },
        {
            "reachable_pages",
            "pages of 4 KiB that a device could still reach when unmap returned, before the flush that is counted with it; 0 for maps",
            of => of.Row.ReachablePages
        },
        {
            "unpriced",
            "kinds of `operations` that the costs say nothing of, so that they took no time",
            of => of.Row.Unpriced.Select(OperationKinds.NameOf)
        },
    };

    public static void Write(Results results, IReadOnlyList<BenchRow> rows, BenchOptions options) => results.Write(
        Fields,
        [.. rows.Select(row => (row, options))],
        (console, isMarkdown) => WriteTables(console, rows, options, isMarkdown));

    private static void WriteTables(IAnsiConsole console, IReadOnlyList<BenchRow> rows, BenchOptions options, bool isMarkdown)
    {
        var tables = new TableSet(console, isMarkdown);
        foreach (var machine in rows.GroupBy(row => row.Iommu, StringComparer.Ordinal))
        {
            tables.Write(TableOf(machine.Key, [.. machine], options, isMarkdown));
            console.WriteLine();
        }

        tables.WriteLeftOut();
        console.Note(isMarkdown, "Model µs: virtual time, operations times their cost; nothing here is time of this host.");
        if (Promises.Note(rows.Select(row => row.Policy)) is { } promise)
        {
            console.Note(isMarkdown, promise);
            tables.Legend(("Left", "pages that were still reachable when unmap returned. The time is with the flush that ended it"));
        }

        foreach (string note in Operations.CostNotes([.. rows.Select(row => (row.Iommu, row.Costs, row.Unpriced))]))
        {
            console.Note(isMarkdown, note);
        }

        tables.Legend(("Faster", "PerPage against the row, in the model"));
        tables.Legend(
            ("Paper µs", "mean of the paper's samples"),
            ("Samples", "their range"),
            ("Off", "the model against their mean"),
            ("Paper's", "the paper's own factor"));
        tables.Legend(
            ("Paper before", "mean of the paper's samples with a flush for every page (PerPage here)"),
            ("Paper after", "with one for the range (RangeFlush here)"));
        tables.Legend(
            ("Least", $"{Bounds.Legend(rows)} that would have sufficed without dropping anything else from a cache"));
        string[] droppers = [.. rows.Where(row => row.DropsOthers).Select(row => row.Policy.ToString()).Distinct(StringComparer.Ordinal)];
        if (droppers.Length != 0 && tables.Shows("Least"))
        {
            console.Note(
                isMarkdown,
                $"{string.Join(", ", droppers)}: takes less than Least where it flushes everything at once, "
                    + "and so drops entries of others too, which they must fetch again.");
        }

        if (options.Settings.UsesSuperpages && rows.All(row => row.Counts[OperationKind.EntryStored] >= (long)row.Pages))
        {
            console.Note(
                isMarkdown,
                "--sections changed nothing: no superpage's worth of a range lies together in physical memory "
                    + "(try --layout contiguous and sizes from 4M).");
        }

        console.Note(isMarkdown, "A modelled device read every mapped page and was refused every unmapped one.");
    }

    private static ColumnTable TableOf(string name, IReadOnlyList<BenchRow> rows, BenchOptions options, bool isMarkdown)
    {
        string title = $"If this were a {name}: scatter list of 4 KiB entries, physically {Names.Of(options.Layout)}; "
            + (options.Tables == BenchTables.Existing ? "page tables exist and stay" : "page tables are made and given back")
            + $"; costs {rows[0].Costs}{Tuning.InTitle(options.Settings, options.FlushAllPages)}";
        var columns = Columns(rows);
        var table = new ColumnTable(title, isMarkdown);
        table.AddColumn("Size", isNumber: false);
        table.AddColumn("Op", isNumber: false);
        table.AddColumn("Policy", isNumber: false);
        columns.ForEach(column => table.AddColumn(column.Header, column.Rank));

        (ulong Size, MappingOperation Operation)? group = null;
        foreach (var same in rows
            .OrderBy(row => row.Size)
            .ThenBy(row => row.Operation)
            .ThenBy(row => row.Policy)
            .GroupBy(row => (row.Paper, row with { Policy = row.Policy.IsFull() ? SyncPolicy.Gather : SyncPolicy.Deferred, Unpriced = [] })))
        {
            var row = same.First();
            bool isFirst = group != (row.Size, row.Operation);
            if (isFirst && group is not null && !isMarkdown)
            {
                table.AddRow();
            }

            group = (row.Size, row.Operation);
            bool isNamed = isFirst || isMarkdown;
            table.AddRow(
            [
                isNamed ? ByteSize.Format(row.Size) : string.Empty,
                isNamed ? Names.Of(row.Operation) : string.Empty,
                Outcome.NamesOf(same.Select(other => other.Policy)),
                .. columns.Select(column => column.Cell(row)),
            ]);
        }

        return table;
    }

    /// <summary>The columns of numbers; what the paper says is there only if it says something of a row.</summary>
    private static List<Column<BenchRow>> Columns(IReadOnlyList<BenchRow> rows)
    {
        var columns = new List<Column<BenchRow>>();
        bool hasPaper = rows.Any(row => row.Paper is not null);
        if (hasPaper)
        {
            columns.Add(new("Paper µs", 1, row => row.Paper is { } paper ? Numbers.Microseconds(paper.Mean) : string.Empty));
            columns.Add(new(
                "Samples", 8, row => row.Paper is { } paper ? FormattableString.Invariant($"{paper.Min:0}–{paper.Max:0}") : string.Empty));
        }
        else if (rows.Any(row => row.PaperBefore is not null))
        {
            columns.Add(new("Paper before", 2, row => row.PaperBefore is { } paper ? Numbers.Microseconds(paper.Mean) : string.Empty));
            columns.Add(new("Paper after", 1, row => row.PaperAfter is { } paper ? Numbers.Microseconds(paper.Mean) : string.Empty));
        }

        columns.Add(new("Model µs", 0, row => Numbers.Microseconds(row.VirtualMicroseconds)));
        if (hasPaper)
        {
            columns.Add(new("Off", 2, row => row.Paper is { } paper ? Numbers.Off((row.VirtualMicroseconds / paper.Mean) - 1) : string.Empty));
        }

        var perPage = rows.Where(row => row.Policy == SyncPolicy.PerPage).ToDictionary(row => (row.Size, row.Operation));
        if (perPage.Count != 0)
        {
            columns.Add(new("Faster", 1, row => Numbers.Times(perPage[(row.Size, row.Operation)].VirtualMicroseconds, row.VirtualMicroseconds)));
        }

        if (rows.Any(row => row is { Policy: SyncPolicy.RangeFlush, Paper: not null }))
        {
            columns.Add(new("Paper's", 7, row => row is { Policy: SyncPolicy.RangeFlush, PaperBefore: { } before, PaperAfter: { } after }
                ? Numbers.Times(before.Mean, after.Mean)
                : string.Empty));
        }

        if (rows.Any(row => row.ReachablePages != 0))
        {
            columns.Add(new("Left", 1, row => row.Operation == MappingOperation.Map ? string.Empty : Promises.Pages(row.ReachablePages)));
        }

        columns.AddRange(Operations.Columns(
            rows,
            row => row.Counts,
            (OperationKind.RegisterWrite, 3),
            (OperationKind.Command, 3),
            (OperationKind.Doorbell, 4),
            (OperationKind.Request, 3),
            (OperationKind.RegisterRead, 4),
            (OperationKind.LineCleaned, 4),
            (OperationKind.Barrier, 9),
            (OperationKind.EntryStored, 10)));
        if (rows.Any(row => row.Bound is not null))
        {
            columns.Add(new("Least", 5, row => Bounds.Text(row, rows)));
        }

        return columns;
    }
}
