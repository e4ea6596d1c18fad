using System.Numerics;
using IommuKit.Analysis.Calibration;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Explain;

/// <summary>The gain of one policy over another in some work, split in two ways: among causes, and among kinds of operation.</summary>
public sealed class Attribution
{
    /// <summary>Splits a gain.</summary>
    /// <param name="workload">The work.</param>
    /// <param name="costs">What operations cost, by <see cref="OperationKind"/>.</param>
    /// <param name="draws">Costs that might as well be true; empty if nothing is known of that.</param>
    public Attribution(Workload workload, IReadOnlyList<double> costs, IReadOnlyList<CostDraw> draws)
    {
        ArgumentNullException.ThrowIfNull(workload);
        ArgumentNullException.ThrowIfNull(costs);
        ArgumentNullException.ThrowIfNull(draws);
        Workload = workload;
        IsUnique = draws.All(draw => draw.Vectors.Count == 1);
        double[] us = [.. costs];
        double[] whole = Difference(workload.With(Causes.None), workload.With(Causes.All));
        IsDifferent = OperationKinds.All.Any(kind => whole[(int)kind] != 0 && (!kind.IsTally() || us[(int)kind] != 0));
        IsSure = SignsIn(draws, whole).Distinct().Count() <= 1;
        FromUs = CostVector.Dot(workload.With(Causes.None), us);
        ToUs = CostVector.Dot(workload.With(Causes.All), us);
        var causes = CauseVectors(workload);
        var words = new OperationWords(workload);
        ByCause = [.. words.Causes.Select((name, i) => Part(name, causes[i]))];
        ByOperation = [.. words.Parts.Select(part => Part(part.Name, Only(whole, part.Kinds)))];
        Registers = Part(words.Tlb.Name, Only(whole, words.Tlb.Kinds));
        DmaSync = Part(words.DmaSync.Name, Only(whole, words.DmaSync.Kinds));

        AttributionPart Part(string name, double[] saved)
        {
            double gain = FromUs - ToUs;
            double part = CostVector.Dot(saved, us);
            Interval90? interval = draws.Count == 0 || !IsSure
                ? null
                : Interval90.Of(draws, drawn => Share(CostVector.Dot(saved, drawn), CostVector.Dot(whole, drawn)));
            return new AttributionPart(name, saved, part, Share(part, gain), interval);
        }
    }

    /// <summary>The work.</summary>
    public Workload Workload { get; }

    /// <summary>
    /// Whether the costs are single values. If not, the shares are those of one of many vectors of costs, and only their intervals mean something.
    /// </summary>
    public bool IsUnique { get; }

    /// <summary>Whether the two policies do anything different in this work. If not, there is nothing to split.</summary>
    public bool IsDifferent { get; }

    /// <summary>
    /// Whether all costs that might as well be true agree on which policy is faster. If not, a share of the gain
    /// means nothing, and there are no intervals.
    /// </summary>
    public bool IsSure { get; }

    /// <summary>Whether the second policy is the slower one, by the best costs. Then all shares are of what it loses.</summary>
    public bool IsLoss => ToUs > FromUs;

    /// <summary>Time under the first policy, by the best costs.</summary>
    public double FromUs { get; }

    /// <summary>Time under the second policy, by the best costs.</summary>
    public double ToUs { get; }

    /// <summary>The gain split among causes by Shapley's rule.</summary>
    public IReadOnlyList<AttributionPart> ByCause { get; }

    /// <summary>The gain split among the kinds of operation that are saved: no rule is needed, they add up.</summary>
    public IReadOnlyList<AttributionPart> ByOperation { get; }

    /// <summary>
    /// The part of the registers or the queue: what the reply of 2015 calls batching the TLB maintenance. Fences are in it where nothing is cleaned.
    /// </summary>
    public AttributionPart Registers { get; }

    /// <summary>The part of the CPU's cache: what the reply calls doing the DMA sync in fewer pieces, with correspondingly fewer barriers.</summary>
    public AttributionPart DmaSync { get; }

    /// <summary>
    /// For each cause, what it saves of every kind of operation. Time is linear in the counts, so splitting the
    /// counts once splits the time for all costs.
    /// </summary>
    public static double[][] CauseVectors(Workload workload)
    {
        ArgumentNullException.ThrowIfNull(workload);
        int causes = BitOperations.PopCount((uint)Causes.All);
        double[][] vectors = [.. Enumerable.Range(0, causes).Select(_ => new double[OperationKinds.All.Count])];
        foreach (var term in OperationKinds.All)
        {
            double[] shares = Shapley.Split(causes, on => workload.Counts[0][(int)term] - workload.Counts[on][(int)term]);
            for (int cause = 0; cause < causes; cause++)
            {
                vectors[cause][(int)term] = shares[cause];
            }
        }

        return vectors;
    }

    /// <summary>The intervals of the causes added up: how much is not known.</summary>
    /// <param name="workload">The work.</param>
    /// <param name="draws">Costs that might be true.</param>
    public static double Uncertainty(Workload workload, IReadOnlyList<CostDraw> draws)
    {
        ArgumentNullException.ThrowIfNull(workload);
        double[] whole = Difference(workload.With(Causes.None), workload.With(Causes.All));
        double[] widths =
        [
            .. CauseVectors(workload).Select(saved =>
                Interval90.Of(draws, drawn => Share(CostVector.Dot(saved, drawn), CostVector.Dot(whole, drawn))).Width),
        ];
        return widths.Where(double.IsFinite).Sum();
    }

    private static IEnumerable<int> SignsIn(IReadOnlyList<CostDraw> draws, double[] whole) =>
        draws.SelectMany(draw => draw.Vectors).Select(costs => Math.Sign(CostVector.Dot(whole, costs)));

    private static double Share(double part, double gain) => gain == 0 ? double.NaN : part / gain;

    private static double[] Difference(double[] from, double[] to) => [.. from.Zip(to, (a, b) => a - b)];

    private static double[] Only(double[] vector, params OperationKind[] terms) =>
        [.. vector.Select((value, i) => terms.Contains((OperationKind)i) ? value : 0)];
}
