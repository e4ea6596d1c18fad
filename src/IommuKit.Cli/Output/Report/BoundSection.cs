using IommuKit.Lab.Machines;
using IommuKit.Analysis.Report;
using IommuKit.Lab;
using IommuKit.Lab.Bench;

namespace IommuKit.Cli.Output.Report;

/// <summary>How many operations each policy takes, and how many would have done.</summary>
internal static class BoundSection
{
    public static ReportSection Of(ReportRun run) => new("bound", "Flushes against the bound", body =>
    {
        body.Paragraph(
            "Operations that keep caches in step (register writes and reads, lines of the CPU's cache written back), counted; "
                + "and the least that would have sufficed without dropping anything else from a cache.");
        var rows = run.Bench.Where(row => run.Request.Policies.Contains(row.Policy)).ToList();
        string[] droppers = [.. rows.Where(row => row.DropsOthers).Select(row => row.Policy.ToString()).Distinct(StringComparer.Ordinal)];
        if (droppers.Length != 0)
        {
            body.Paragraph(
                $"{string.Join(", ", droppers)} takes less than the least where it flushes everything at once, "
                    + "and so drops entries of others too, which they must fetch again.");
        }

        body.Note("In brackets: how many times the least it is.");
        var works = rows.GroupBy(row => (row.Size, row.Operation)).OrderBy(work => work.Key.Size).ThenBy(work => work.Key.Operation).ToList();
        var charted = works.Where(IsWorthAChart).ToList();
        if (charted.Count != 0)
        {
            // They tell the same story, so one of them does at first: that with most to save.
            var shown = charted.MaxBy(work => work.Max(row => (double)row.Counts.Maintenance / Math.Max(1, row.Bound!.Value.Maintenance)))!;
            body.Figure(Chart(NameOf(shown), [.. shown]), Table(NameOf(shown), [.. shown]));
            if (charted.Count > 1)
            {
                body.Fold("The other sizes and operations", () => body.Panels(() =>
                {
                    foreach (var work in charted.Where(work => work != shown))
                    {
                        body.Figure(Chart(NameOf(work), [.. work]), Table(NameOf(work), [.. work]));
                    }
                }));
            }
        }

        foreach (var work in works.Where(work => !IsWorthAChart(work)))
        {
            var same = work.First();
            body.Details(
                $"{NameOf(work)}: {Numbers.Count(same.Counts.Maintenance)} operations under every policy, "
                    + $"{Numbers.Times(same.Counts.Maintenance, same.Bound!.Value.Maintenance)} the least",
                Table(NameOf(work), [.. work]));
        }
    });

    private static string NameOf(IGrouping<(ulong Size, MappingOperation Operation), BenchRow> work) =>
        $"{Names.Of(work.Key.Operation)} of {ByteSize.Format(work.Key.Size)}";

    // Bars that are all equal say nothing.
    private static bool IsWorthAChart(IEnumerable<BenchRow> rows) => rows.Select(row => row.Counts.Maintenance).Distinct().Count() > 1;

    private static BarChart Chart(string name, IReadOnlyList<BenchRow> rows)
    {
        long least = rows[0].Bound!.Value.Maintenance;
        var bars = rows.GroupBy(row => row.Counts.Maintenance).Select(same => new BarRow(
            string.Join(", ", same.Select(row => row.Policy)), $"{Numbers.Count(same.Key)} ({Numbers.Times(same.Key, least)})", same.Key)).ToList();
        return new BarChart(
            name,
            $"Upright mark: the least, {Numbers.Count(least)}.",
            Axis.Linear(0, Math.Max(least, rows.Max(row => row.Counts.Maintenance)), Numbers.Scale),
            "operations",
            bars,
            least);
    }

    private static ReportTable Table(string name, IReadOnlyList<BenchRow> rows) => new(
        $"{name}: operations without barriers; least as {Bounds.Legend(rows)}; model µs is virtual time",
        [
            new("Policy", false), new("Operations"), new("Writes"), new("Reads"), new("Lines"), new("Barriers"), new("Least"), new("Model µs"),
        ],
        [
            .. rows.Select(row => new[]
            {
                row.Policy.ToString(),
                Numbers.Count(row.Counts.Maintenance),
                Numbers.Count(row.Counts[OperationKind.RegisterWrite]),
                Numbers.Count(row.Counts[OperationKind.RegisterRead]),
                Numbers.Count(row.Counts[OperationKind.LineCleaned]),
                Numbers.Count(row.Counts[OperationKind.Barrier]),
                Bounds.Text(row, rows),
                Numbers.Microseconds(row.VirtualMicroseconds),
            }),
        ]);
}
