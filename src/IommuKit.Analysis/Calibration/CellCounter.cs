using IommuKit.Lab.Bench;
using IommuKit.Lab.Iommus;
using IommuKit.Traces;

namespace IommuKit.Analysis.Calibration;

/// <summary>Gathers measured times into cells, and has the bench do the work of each cell on the model to count its operations.</summary>
internal static class CellCounter
{
    /// <summary>The cells of measurements, in the order in which they first appear.</summary>
    /// <param name="measurements">The times.</param>
    /// <param name="onCounted">Told what share of the work was done, from 0 to 1; or null.</param>
    /// <exception cref="InputException">A machine cannot map that much.</exception>
    public static IReadOnlyList<MeasuredCell> Count(IReadOnlyList<Measurement> measurements, Action<double>? onCounted = null)
    {
        ArgumentNullException.ThrowIfNull(measurements);
        var cells = measurements.GroupBy(measurement => measurement.Work).ToList();

        // The bench maps and unmaps, whichever was measured.
        double all = cells.Select(cell => cell.Key with { Operation = default }).Distinct().Sum(work => 2.0 * work.Size);
        double done = 0;
        var counts = cells
            .GroupBy(cell => (cell.Key.Iommu, cell.Key.Policy, cell.Key.Tables))
            .SelectMany(group => BenchRunner.Run(new BenchOptions
            {
                Machines = [MachineCatalog.Find(group.Key.Iommu)!],
                Policies = [group.Key.Policy],
                Sizes = [.. group.Select(cell => cell.Key.Size).Distinct()],
                Tables = group.Key.Tables,
            }).Select(row => (Work: new MeasuredWork(row.Iommu, row.Operation, row.Size, row.Policy, group.Key.Tables), Row: row)))
            .ToDictionary(
                pair => pair.Work,
                pair =>
                {
                    done += pair.Work.Size;
                    onCounted?.Invoke(done / all);
                    return VectorOf(pair.Row);
                });
        return [.. cells.Select(cell => new MeasuredCell(cell.Key, [.. cell.Select(measurement => measurement.Microseconds)], counts[cell.Key]))];
    }

    /// <summary>What a row of the bench counted, as a vector.</summary>
    public static double[] VectorOf(BenchRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.Counts.ToVector();
    }
}
