using IommuKit.Lab;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Teardown;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit teardown</c> says.</summary>
internal static class TeardownOutput
{
    /// <summary>A teardown of one way.</summary>
    public static FieldList<(TeardownRow Row, TeardownOptions Options)> Fields { get; } = new("teardown")
    {
        { "iommu", "the IOMMU, as `iommukit models` lists it", of => of.Row.Iommu },
        { "policy", Promises.PolicyMeaning, of => of.Row.Policy.ToString() },
        { "promises_all", Promises.AllMeaning, of => of.Row.Policy.IsFull() },
        { "page_bytes", "bytes of the pages that the guest is mapped with", of => of.Row.PageBytes },
        { "way", "`pages` one by one, the `range` by one call, or the whole address `space` by a detach before it", of => Names.Of(of.Row.Way) },
        { "size_bytes", "bytes that were mapped: fewer than asked for where the IOVAs of the IOMMU name no more", of => of.Row.Size },
        { "pages", "pages that were mapped", of => of.Row.Pages },
        {
            "windows",
            "how many pieces the guest was mapped and torn down in, one after the other, as tables of all of it would take too much memory here",
            of => of.Row.Windows
        },
        {
            "virtual_us",
            "virtual time of the teardown, with the flush that completes it: operations times their cost",
            of => of.Row.VirtualMicroseconds,
            3
        },
        {
            "host_us",
            "time of the teardown on this computer: driver, page tables and the model of the hardware together; it says nothing of any hardware",
            of => of.Row.HostNanoseconds / 1000,
            1
        },
        { Operations.Fields, of => of.Row.Counts },
        { "costs", ReplayOutput.CostsMeaning, of => of.Row.Costs },
        {
            "tuning",
            Tuning.Meaning,
            Tuning.Field<(TeardownRow Row, TeardownOptions Options)>(of => (of.Options.Settings, of.Options.FlushAllPages))
        },
        {
            "unpriced",
            "kinds of `operations` that the costs say nothing of, so that they took no time",
            of => of.Row.Unpriced.Select(OperationKinds.NameOf)
        },
    };

    public static void Write(Results results, IReadOnlyList<TeardownRow> rows, TeardownOptions options) => results.Write(
        Fields,
        [.. rows.Select(row => (row, options))],
        (console, isMarkdown) => WriteTables(console, rows, options, isMarkdown));

    private static void WriteTables(IAnsiConsole console, IReadOnlyList<TeardownRow> rows, TeardownOptions options, bool isMarkdown)
    {
        var tables = new TableSet(console, isMarkdown);
        foreach (var group in rows.GroupBy(row => (row.Iommu, row.Size)))
        {
            tables.Write(TableOf(group.Key.Iommu, group.Key.Size, [.. group], options, isMarkdown));
            console.WriteLine();
        }

        tables.WriteLeftOut();
        console.Note(
            isMarkdown,
            "Virtual: operations times their cost. Host: what driver, page tables and the model took on this computer, which says nothing of hardware.");
        if (Promises.Note(rows.Select(row => row.Policy)) is { } promise)
        {
            console.Note(isMarkdown, $"{promise} Here the flush that ends that is in the times, and devices are refused when it returns.");
        }

        tables.Legend(("Fewer", "accesses, commands and cleans page by page against the row"), ("Faster", "its virtual or host time, likewise"));
        foreach (var group in rows.Where(row => row.Size != options.Size).GroupBy(row => (row.Iommu, row.Size)))
        {
            console.Note(
                isMarkdown,
                $"{group.Key.Iommu}: {ByteSize.Format(group.Key.Size)} of {ByteSize.Format(options.Size)}, as IOVAs name no more behind the first "
                    + $"{ByteSize.Format(TeardownRunner.Iova)}, or whole pages end there.");
        }

        if (rows.Any(row => row.Windows > 1))
        {
            console.Note(
                isMarkdown,
                "Windows: so many pieces were mapped and torn down one after the other, as tables of all at once would take more than "
                    + $"{ByteSize.Format(options.MostTableBytes)} here; by range and by address space there is one operation for each.");
        }

        foreach (string note in Operations.CostNotes([.. rows.Select(row => (row.Iommu, row.Costs, row.Unpriced))]))
        {
            console.Note(isMarkdown, note);
        }

        console.Note(isMarkdown, "Before each teardown a modelled device used pages all over the memory; after it, it was refused them.");
    }

    private static ColumnTable TableOf(string iommu, ulong size, IReadOnlyList<TeardownRow> rows, TeardownOptions options, bool isMarkdown)
    {
        var byPage = rows.Where(row => row.Way == TeardownWay.Pages).ToDictionary(row => (row.Policy, row.PageBytes));
        List<Column<TeardownRow>> columns =
        [
            new("Pages of", 0, row => ByteSize.Format(row.PageBytes), IsNumber: false),
            new("Policy", 0, row => Promises.Marked(row.Policy), IsNumber: false),
            new("Torn down by", 0, row => Names.Of(row.Way), IsNumber: false),
            .. Operations.Columns(
                rows, row => row.Counts, (OperationKind.RegisterWrite, 3), (OperationKind.Command, 1), (OperationKind.Doorbell, 5)),
            new("Accesses", 2, row => Numbers.Count(row.Counts.Maintenance)),
            new("Fewer", 3, row => Times(row, one => one.Counts.Maintenance)),
            new("Virtual", 0, row => Durations.Of(row.VirtualMicroseconds * 1000)),
            new("Faster", 2, row => Times(row, one => one.VirtualMicroseconds)),
            new("Host", 0, row => Durations.Of(row.HostNanoseconds)),
            new("Faster on host", 2, row => Times(row, one => one.HostNanoseconds)),
        ];
        if (rows.Any(row => row.Windows > 1))
        {
            columns.Add(new("Windows", 4, row => Numbers.Count(row.Windows)));
        }

        string title = $"If this were a {iommu}: {ByteSize.Format(size)} of a guest's memory taken away, costs {rows[0].Costs}"
            + Tuning.InTitle(options.Settings, options.FlushAllPages);
        return ColumnTable.Of(title, isMarkdown, columns, rows);

        string Times(TeardownRow row, Func<TeardownRow, double> value) =>
            byPage.TryGetValue((row.Policy, row.PageBytes), out var slowest) ? Numbers.Times(value(slowest), value(row)) : string.Empty;
    }
}
