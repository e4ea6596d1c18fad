using IommuKit.Analysis.Calibration;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Explain;

/// <summary>Where the gain of one policy over another comes from, how sure that is, and what would make it surer.</summary>
public sealed class Explanation
{
    /// <summary>Explains some work.</summary>
    /// <param name="workloads">The work, at least one.</param>
    /// <param name="costs">What operations cost.</param>
    /// <param name="calibration">How the costs came about; null if nobody knows how well they are known.</param>
    public Explanation(IReadOnlyList<Workload> workloads, CostVector costs, CostCalibration? calibration)
    {
        ArgumentNullException.ThrowIfNull(workloads);
        ArgumentNullException.ThrowIfNull(costs);
        Costs = costs;
        Calibration = calibration;
        double[] us = costs.Components.ToVector();
        Attributions = [.. workloads.Select(workload => new Attribution(workload, us, calibration?.Draws ?? []))];
        var unmaps = Attributions.Where(attribution => attribution.IsDifferent && attribution.Workload.Operation != MappingOperation.Map).ToList();
        Headline = unmaps.Count != 0
            ? unmaps[unmaps.Count / 2]
            : Attributions.FirstOrDefault(attribution => attribution.IsDifferent) ?? Attributions[^1];
        if (calibration is not null && Headline is { IsDifferent: true, IsSure: true })
        {
            Uncertainty = Attribution.Uncertainty(Headline.Workload, calibration.Draws);
            var other = Other(calibration);
            OtherUncertainty = UncertaintyOf(other, Headline.Workload);
            OtherHeadline = new Attribution(Headline.Workload, us, other.Draws);
            Next = NextMeasurement.Rank(calibration, Headline.Workload);
        }
    }

    /// <summary>The gains, split.</summary>
    public IReadOnlyList<Attribution> Attributions { get; }

    /// <summary>The one that the conclusions are about: an unmap of middle size, where there are several.</summary>
    public Attribution Headline { get; }

    /// <summary>What operations cost.</summary>
    public CostVector Costs { get; }

    /// <summary>Kinds of operations in the work that the costs say nothing of, so that they took no time.</summary>
    public IReadOnlyList<OperationKind> Unpriced =>
    [
        .. OperationKinds.All.Where(kind =>
            !kind.IsTally() && !Costs.Components.Has(kind) && Attributions.Any(attribution => attribution.Workload.Has(kind))),
    ];

    /// <summary>How the costs came about, or null.</summary>
    public CostCalibration? Calibration { get; }

    /// <summary>The widths of the four causes' intervals added up, of at most 4: how much is not known. 0 without a calibration.</summary>
    public double Uncertainty { get; }

    /// <summary>The same without the prior, or, if there is none, with that of the built-in costs.</summary>
    public double OtherUncertainty { get; }

    /// <summary>
    /// The gain of <see cref="Headline"/> as it is split without the prior, or, if there is none, with that of the built-in costs; null without a
    /// calibration.
    /// </summary>
    public Attribution? OtherHeadline { get; }

    /// <summary>What could be measured next, the most telling first; empty without a calibration.</summary>
    public IReadOnlyList<CandidateMeasurement> Next { get; } = [];

    /// <summary>Runs sizes.</summary>
    public static IReadOnlyList<Workload> Run(IommuKind kind, SyncPolicy from, SyncPolicy to, IReadOnlyList<ulong> sizes) =>
        [.. sizes.SelectMany(size => SizeWorkloads.Run(kind, from, to, size))];

    private static CostCalibration Other(CostCalibration calibration) =>
        calibration.With(new CostPrior(calibration.Prior.Source is null ? CostFile.Default : null));

    private static double UncertaintyOf(CostCalibration calibration, Workload workload) => Attribution.Uncertainty(workload, calibration.Draws);
}
