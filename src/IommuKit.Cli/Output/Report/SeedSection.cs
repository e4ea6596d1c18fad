using IommuKit.Analysis.Report;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
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

        var pairs = Pairs(rows);
        var chart = pairs.ConvertAll(PairOf);
        var axis = Axis.Logarithmic(
            chart.SelectMany(pair => pair.BeforeSamples.Concat(pair.AfterSamples).Append(pair.ModelBefore).Append(pair.ModelAfter)), Numbers.Scale);
        body.Figure(
            new PairChart(
                hasPaper ? "Before and after: the paper's samples, and the model" : "Before and after, in the model",
                (hasPaper ? "Round: a flush for every page. Square: one for the range. Small circles: single samples; large: their mean. " : string.Empty)
                + "Triangles: the model. The longer the line, the larger the factor; from one mark of the axis to the next it is ten times as long.",
                axis,
                hasPaper ? "µs (the paper's: measured; the model's: virtual time)" : "µs of virtual time",
                "µs (the paper's, measured)",
                "µs of virtual time",
                chart),
            Table(pairs, IndexOfAsked(run, pairs)),
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

    private static double Off(BenchRow row) => (row.VirtualMicroseconds / row.Paper!.Mean) - 1;

    private static string Times(BenchRow slow, BenchRow fast) => Numbers.Times(slow.VirtualMicroseconds, fast.VirtualMicroseconds);

    private static double[] SamplesOf(BenchRow row) => row.Paper is null
        ? []
        : [.. SeedTable.Rows
            .Where(sample => sample.Operation == row.Operation && sample.SizeBytes == row.Size)
            .Select(sample => row.Policy == ReportRun.From ? sample.BeforeMicroseconds : sample.AfterMicroseconds)];

    /// <summary>Before and after of the work that the question is about; null if that was not run.</summary>
    public static (BenchRow Before, BenchRow After)? Asked(ReportRun run)
    {
        var pairs = Pairs(run.Bench);
        int index = IndexOfAsked(run, pairs);
        return index < 0 ? null : pairs[index];
    }

    private static int IndexOfAsked(ReportRun run, List<(BenchRow Before, BenchRow After)> pairs)
    {
        var asked = run.Explanation!.Headline.Workload;
        return pairs.FindIndex(pair => pair.After.Operation == asked.Operation && ByteSize.Format(pair.After.Size) == asked.Name);
    }

    private static List<(BenchRow Before, BenchRow After)> Pairs(IReadOnlyList<BenchRow> rows) =>
    [
        .. from work in rows.GroupBy(row => (row.Operation, row.Size))
           orderby work.Key.Operation descending, work.Key.Size
           select (work.Single(row => row.Policy == ReportRun.From), work.Single(row => row.Policy == ReportRun.To)),
    ];

    private static PairRow PairOf((BenchRow Before, BenchRow After) pair)
    {
        var (before, after) = pair;
        bool isMeasured = after is { PaperBefore: not null, PaperAfter: not null };
        double from = isMeasured ? after.PaperBefore!.Mean : before.VirtualMicroseconds;
        double to = isMeasured ? after.PaperAfter!.Mean : after.VirtualMicroseconds;
        string text = $"{Numbers.Microseconds(from)} → {Numbers.Microseconds(to)} µs";
        return new PairRow(
            $"{Names.Of(after.Operation)} {ByteSize.Format(after.Size)}, {text}",
            text,
            Numbers.Times(from, to),
            isMeasured ? from : null,
            isMeasured ? to : null,
            SamplesOf(before),
            SamplesOf(after),
            before.VirtualMicroseconds,
            after.VirtualMicroseconds);
    }

    private static ReportTable Table(List<(BenchRow Before, BenchRow After)> pairs, int emphasis) => new(
        "Before: a flush for every page. After: one for the range. Paper: mean of its samples, and their range. Model: virtual time; off: against that mean.",
        [
            new("Work", false), new("Paper, before µs"), new("After µs"), new("Faster"), new("Model, before µs"), new("After µs"), new("Faster"),
            new("Off, before"), new("After"), new("Samples, before"), new("After"),
        ],
        [
            .. pairs.Select(pair => new[]
            {
                $"{Names.Of(pair.After.Operation)} {ByteSize.Format(pair.After.Size)}",
                PaperOf(pair.Before),
                PaperOf(pair.After),
                pair.After is { PaperBefore: { } was, PaperAfter: { } now } ? Numbers.Times(was.Mean, now.Mean) : "–",
                Numbers.Microseconds(pair.Before.VirtualMicroseconds),
                Numbers.Microseconds(pair.After.VirtualMicroseconds),
                Times(pair.Before, pair.After),
                OffOf(pair.Before),
                OffOf(pair.After),
                RangeOf(pair.Before),
                RangeOf(pair.After),
            }),
        ])
    {
        Emphasis = emphasis,
    };

    private static string PaperOf(BenchRow row) => row.Paper is { } paper ? Numbers.Microseconds(paper.Mean) : "–";

    private static string OffOf(BenchRow row) => row.Paper is null ? "–" : Numbers.Off(Off(row));

    private static string RangeOf(BenchRow row) =>
        row.Paper is { } samples ? FormattableString.Invariant($"{samples.Min:#,0}–{samples.Max:#,0}") : "–";
}
