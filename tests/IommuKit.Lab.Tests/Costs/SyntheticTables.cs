using IommuKit.Lab.Costs;
using IommuKit.Lab.Costs.Calibration;
using MathNet.Numerics.Distributions;

namespace IommuKit.Lab.Tests.Costs;

/// <summary>Tables of times as a machine with known costs would give them.</summary>
internal static class SyntheticTables
{
    /// <summary>The costs of the machine.</summary>
    public static readonly double[] Truth = CostTerms.VectorOf(CostFile.Default.Components);

    /// <summary>The proposal's cells, whose counts come from the model.</summary>
    public static readonly Lazy<IReadOnlyList<MeasuredCell>> SeedCells = new(() => CellCounter.Count(MeasurementFile.SeedTable));

    /// <summary>The same cells with four times each, which scatter by some standard deviation around what the costs make of the counts.</summary>
    public static IReadOnlyList<MeasuredCell> Cells(Random random, double deviation) =>
    [
        .. SeedCells.Value.Select(cell => cell with
        {
            Samples = [.. Enumerable.Range(0, 4).Select(_ => CostTerms.Dot(cell.Counts.ToArray(), Truth) * Math.Exp(Normal.Sample(random, 0, deviation)))],
        }),
    ];

    /// <summary>What somebody may know who knows the costs as well as the built-in widths say.</summary>
    public static CostPrior Prior(Random random) => new(CostFile.Default with
    {
        Components = CostComponents.From(term =>
        {
            var component = CostFile.Default.Components.Of(term);
            return component with { Us = component.Us + ((component.WidthUs ?? 0) * Normal.Sample(random, 0, 1)) };
        }),
    });
}
