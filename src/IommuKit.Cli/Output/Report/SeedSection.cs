using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Report;
using IommuKit.Lab.Seed;

namespace IommuKit.Cli.Output.Report;

/// <summary>The proposal's table with the model's beside it.</summary>
internal static class SeedSection
{
    public static ReportSection Of(ReportRun run) => new("table", "The table of 2015, and the model's beside it", body =>
    {
        var rows = run.Bench.Where(row => row.Policy is ReportRun.From or ReportRun.To)
            .OrderBy(row => row.Size).ThenBy(row => row.Operation).ThenBy(row => row.Policy).ToList();
        bool hasPaper = rows.Exists(row => row.Paper is not null);
        body.Paragraph(
            "The proposal \"iommu: Add range flush operation\" (linux-kernel, 29 September 2015) timed map and unmap on a Tegra210, "
            + $"with a flush for every page (here {ReportRun.From}) and with one for the range (here {ReportRun.To}).");
        if (!hasPaper)
        {
            body.Paragraph($"It did not measure {run.Request.Kind.Name}, so that there are no samples below.");
        }

        var strips = rows.ConvertAll(row => new StripRow(
            $"{Names.Of(row.Operation)} {ByteSize.Format(row.Size)}, {row.Policy}", TextOf(row), SamplesOf(row), row.VirtualMicroseconds));
        var axis = Axis.Logarithmic(strips.SelectMany(strip => strip.Samples.Append(strip.Value)), Numbers.Scale);
        body.Figure(
            new StripChart(
                hasPaper ? "Time of one operation: the paper's samples, and the model" : "Time of one operation in the model",
                (hasPaper ? "Circles: single samples of the paper; the line joins the least and the greatest. " : string.Empty)
                + "Diamond: the model. From one mark of the axis to the next it is ten times as long.",
                axis,
                "µs (the model's: virtual time)",
                strips),
            Table(rows),
            isOpen: true);
        body.Note(
            $"Model: operations counted between driver and model, times the costs {run.Costs.Name}. "
            + "Scatter list of 4 KiB entries, physically scattered; page tables exist and stay. "
            + "A modelled device read every mapped page and was refused every unmapped one.");
    });

    /// <summary>The sentences about it in the summary.</summary>
    public static IEnumerable<string> Summary(ReportRun run)
    {
        foreach (var operation in run.Bench.GroupBy(row => row.Operation).OrderBy(group => group.Key))
        {
            var gains = operation.Where(row => row.Policy == ReportRun.To).OrderBy(row => row.Size).Select(row =>
                $"{Times(operation.Single(other => other.Policy == ReportRun.From && other.Size == row.Size), row)} for {ByteSize.Format(row.Size)}"
                + (row is { PaperBefore: { } before, PaperAfter: { } after } ? $" (paper: {Numbers.Times(before.Mean, after.Mean)})" : string.Empty));
            yield return $"One flush for the range instead of one for every page makes {Names.Of(operation.Key)} faster by "
                + $"{string.Join(", ", gains)}, in the model's virtual time.";
        }

        var compared = run.Bench.Where(row => row.Paper is not null).OrderBy(row => Math.Abs(Off(row))).ToList();
        if (compared.Count != 0)
        {
            var worst = compared[^1];
            int within = compared.Count(row => row.VirtualMicroseconds >= row.Paper!.Min && row.VirtualMicroseconds <= row.Paper.Max);
            yield return $"Of {compared.Count} times that the paper measured the model is within the range of the samples in {within}; "
                + $"it is furthest off, by {Numbers.Off(Off(worst))}, "
                + $"for {Names.Of(worst.Operation)} of {ByteSize.Format(worst.Size)} under {worst.Policy}.";
        }
    }

    private static string TextOf(BenchRow row) => row.Paper is { } paper
        ? $"{Numbers.Microseconds(row.VirtualMicroseconds)} · paper {Numbers.Microseconds(paper.Mean)} ({Numbers.Off(Off(row))})"
        : Numbers.Microseconds(row.VirtualMicroseconds);

    private static double Off(BenchRow row) => (row.VirtualMicroseconds / row.Paper!.Mean) - 1;

    private static string Times(BenchRow slow, BenchRow fast) => Numbers.Times(slow.VirtualMicroseconds, fast.VirtualMicroseconds);

    private static double[] SamplesOf(BenchRow row) => row.Paper is null
        ? []
        : [.. SeedTable.Rows
            .Where(sample => sample.Operation == row.Operation && sample.SizeBytes == row.Size)
            .Select(sample => row.Policy == ReportRun.From ? sample.BeforeMicroseconds : sample.AfterMicroseconds)];

    private static ReportTable Table(IReadOnlyList<BenchRow> rows) => new(
        "Paper: mean of its samples. Model: virtual time. Off: the model against that mean. "
            + "Samples: their range. Faster: against a flush for every page.",
        [
            new("Work", false), new("Policy", false), new("Paper µs"), new("Model µs"), new("Off"), new("Samples"), new("Faster"), new("Paper's"),
        ],
        [.. rows.Select(row => Cells(row, rows))]);

    private static string[] Cells(BenchRow row, IReadOnlyList<BenchRow> rows)
    {
        var slow = rows.Single(other => other.Policy == ReportRun.From && other.Operation == row.Operation && other.Size == row.Size);
        bool isAfter = row.Policy == ReportRun.To;
        return
        [
            $"{Names.Of(row.Operation)} {ByteSize.Format(row.Size)}",
            row.Policy.ToString(),
            row.Paper is { } paper ? Numbers.Microseconds(paper.Mean) : "–",
            Numbers.Microseconds(row.VirtualMicroseconds),
            row.Paper is null ? "–" : Numbers.Off(Off(row)),
            row.Paper is { } samples ? FormattableString.Invariant($"{samples.Min:#,0}–{samples.Max:#,0}") : "–",
            isAfter ? Times(slow, row) : "–",
            isAfter && row is { PaperBefore: { } before, PaperAfter: { } after } ? Numbers.Times(before.Mean, after.Mean) : "–",
        ];
    }
}
