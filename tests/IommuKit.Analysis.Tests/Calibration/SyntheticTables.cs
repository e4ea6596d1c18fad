using IommuKit.Analysis.Calibration;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using MathNet.Numerics.Distributions;

namespace IommuKit.Analysis.Tests.Calibration;

/// <summary>Tables of times as a machine with known costs would give them.</summary>
internal static class SyntheticTables
{
    /// <summary>The costs of the machine.</summary>
    public static readonly double[] Truth = CostFile.Default.Components.ToVector();

    /// <summary>A machine on which cleans and barriers cost most.</summary>
    public static readonly double[] SlowSync =
        With((OperationKind.LineCleaned, 0.8), (OperationKind.Barrier, 0.9), (OperationKind.RegisterWrite, 0.15), (OperationKind.RegisterRead, 0.3));

    /// <summary>A machine on which everything costs the same.</summary>
    public static readonly double[] Even = [.. OperationKinds.All.Select(kind => CostFile.Default.Components.Has(kind) ? 0.3 : 0)];

    /// <summary>The proposal's cells, whose counts come from the model.</summary>
    public static readonly Lazy<IReadOnlyList<MeasuredCell>> SeedCells = new(() => CellCounter.Count(MeasurementFile.SeedTable));

    /// <summary>The same cells with four times each, which scatter by some standard deviation around what the costs make of the counts.</summary>
    public static IReadOnlyList<MeasuredCell> Cells(Random random, double deviation, double[]? truth = null) =>
    [
        .. SeedCells.Value.Select(cell => cell with
        {
            Samples = [.. Enumerable.Range(0, 4).Select(_ =>
                CostVector.Dot(cell.Counts.ToArray(), truth ?? Truth) * Math.Exp(Normal.Sample(random, 0, deviation)))],
        }),
    ];

    /// <summary>What somebody may know who knows the costs as well as the built-in widths say.</summary>
    public static CostPrior Prior(Random random, double[]? truth = null) => new(CostFile.Default with
    {
        Components = new CostComponents(CostFile.Default.Components.Kinds.Select(kind =>
        {
            var component = CostFile.Default.Components[kind];
            return KeyValuePair.Create(
                kind, component with { Us = (truth ?? Truth)[(int)kind] + ((component.WidthUs ?? 0) * Normal.Sample(random, 0, 1)) });
        })),
    });

    private static double[] With(params (OperationKind Term, double Us)[] others)
    {
        double[] costs = [.. Truth];
        foreach (var (term, us) in others)
        {
            costs[(int)term] = us;
        }

        return costs;
    }
}
