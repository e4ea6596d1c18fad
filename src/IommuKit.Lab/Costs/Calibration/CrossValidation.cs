namespace IommuKit.Lab.Costs.Calibration;

/// <summary>Fits without one size after the other, and predicts it.</summary>
public static class CrossValidation
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

    private static bool IsReachable(MeasuredCell cell, MeasuredCell[] others)
    {
        double[] same =
        [
            .. others.Where(other => other.Work!.Value with { Size = cell.Work!.Value.Size } == cell.Work.Value).Select(PerPage),
        ];
        return same.Length == 0 || (PerPage(cell) >= same.Min() && PerPage(cell) <= same.Max());

        static double PerPage(MeasuredCell cell) => cell.Mean / (cell.Work!.Value.Size / SmallPage.Bytes);
    }
}
