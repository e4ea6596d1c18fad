using IommuKit.Analysis.Calibration;
using IommuKit.Lab.Costs;
using MathNet.Numerics.Distributions;

namespace IommuKit.Analysis.Tests.Calibration;

/// <summary>Tables of times as a machine with known costs would give them.</summary>
internal static class SyntheticTables
{
    /// <summary>The costs of the machine.</summary>
    public static readonly double[] Truth = CostTerms.VectorOf(CostFile.Default.Components);

    /// <summary>A machine on which cleans and barriers cost most.</summary>
    public static readonly double[] SlowSync =
        With((CostTerm.LineCleaned, 0.8), (CostTerm.Barrier, 0.9), (CostTerm.RegisterWrite, 0.15), (CostTerm.RegisterRead, 0.3));

    /// <summary>A machine on which everything costs the same.</summary>
    public static readonly double[] Even = [.. CostTerms.All.Select(_ => 0.3)];

    /// <summary>The proposal's cells, whose counts come from the model.</summary>
    public static readonly Lazy<IReadOnlyList<MeasuredCell>> SeedCells = new(() => CellCounter.Count(MeasurementFile.SeedTable));

    /// <summary>The same cells with four times each, which scatter by some standard deviation around what the costs make of the counts.</summary>
    public static IReadOnlyList<MeasuredCell> Cells(Random random, double deviation, double[]? truth = null) =>
    [
        .. SeedCells.Value.Select(cell => cell with
        {
            Samples = [.. Enumerable.Range(0, 4).Select(_ =>
                CostTerms.Dot(cell.Counts.ToArray(), truth ?? Truth) * Math.Exp(Normal.Sample(random, 0, deviation)))],
        }),
    ];

    /// <summary>What somebody may know who knows the costs as well as the built-in widths say.</summary>
    public static CostPrior Prior(Random random, double[]? truth = null) => new(CostFile.Default with
    {
        Components = CostComponents.From(term =>
        {
            var component = CostFile.Default.Components.Of(term);
            return component with { Us = (truth ?? Truth)[(int)term] + ((component.WidthUs ?? 0) * Normal.Sample(random, 0, 1)) };
        }),
    });

    private static double[] With(params (CostTerm Term, double Us)[] others)
    {
        double[] costs = [.. Truth];
        foreach (var (term, us) in others)
        {
            costs[(int)term] = us;
        }

        return costs;
    }
}
