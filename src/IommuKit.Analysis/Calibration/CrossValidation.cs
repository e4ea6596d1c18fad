namespace IommuKit.Analysis.Calibration;

/// <summary>Fits without one size after the other, and predicts it.</summary>
internal static class CrossValidation
{
    /// <summary>Predicts every cell that the bench measured from those of other sizes; none if there is but one size.</summary>
    public static IReadOnlyList<LeftOutCell> Run(IReadOnlyList<MeasuredCell> cells, CostPrior prior)
    {
        ArgumentNullException.ThrowIfNull(cells);
        var sizes = cells.GroupBy(cell => cell.Work!.Value.Size).ToList();
        if (sizes.Count < 2)
        {
            return [];
        }

        var predictions = new Dictionary<MeasuredCell, LeftOutCell>();
        foreach (var left in sizes)
        {
            MeasuredCell[] rest = [.. cells.Except(left)];
            var fit = CostFit.Of(rest, prior);
            foreach (var cell in left)
            {
                predictions[cell] = new LeftOutCell(cell, fit.Predict(cell.Counts), IsReachable(cell, rest));
            }
        }

        return [.. cells.Select(cell => predictions[cell])];
    }

    /// <summary>
    /// What is paid for each call is shared by more pages where the size is larger: by a sum over calls and pages, no page takes longer in a larger
    /// size than in a smaller one. The samples decide, so that noise is no contradiction.
    /// </summary>
    private static bool IsReachable(MeasuredCell cell, MeasuredCell[] others)
    {
        var same = others.Where(other => other.Work!.Value with { Size = SizeOf(cell) } == cell.Work!.Value).ToList();
        return same.TrueForAll(other => SizeOf(other) < SizeOf(cell)
            ? cell.Min / SizeOf(cell) <= other.Max / SizeOf(other)
            : cell.Max / SizeOf(cell) >= other.Min / SizeOf(other));

        static ulong SizeOf(MeasuredCell cell) => cell.Work!.Value.Size;
    }
}
