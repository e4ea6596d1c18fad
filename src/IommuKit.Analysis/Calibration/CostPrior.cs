using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Calibration;

/// <summary>What is known of costs before anything is fitted: a value and a standard deviation for some terms, nothing for the others.</summary>
public sealed class CostPrior
{
    private static readonly IReadOnlyList<OperationKind> Usual = CostFile.Default.Components.Kinds;

    private readonly double[] _us = new double[OperationKinds.All.Count];
    private readonly double?[] _widths = new double?[OperationKinds.All.Count];

    /// <summary>Takes what a cost vector knows from elsewhere than the measurements: the components that have a width.</summary>
    /// <param name="source">The vector; null for no knowledge at all.</param>
    public CostPrior(CostVector? source)
    {
        Source = source;
        Kinds = [.. OperationKinds.All.Where(kind => Usual.Contains(kind) || source?.Components.Has(kind) == true)];
        foreach (var term in OperationKinds.All)
        {
            if (source?.Components[term] is { } component)
            {
                _us[(int)term] = component.Us;
                _widths[(int)term] = component.WidthUs;
            }
        }
    }

    /// <summary>Where it comes from; null if there is none.</summary>
    public CostVector? Source { get; }

    /// <summary>
    /// The kinds of operation whose costs are asked for: those of the built-in costs, and what the source knows beside them. Others take no time of
    /// their own, however often they were counted.
    /// </summary>
    public IReadOnlyList<OperationKind> Kinds { get; private init; }

    /// <summary>
    /// The value: the centre of the prior where <see cref="WidthOf"/> is not null, otherwise only what to assume of
    /// a term that the measurements do not have.
    /// </summary>
    public double UsOf(OperationKind term) => _us[(int)term];

    /// <summary>No knowledge of the costs of the same kinds.</summary>
    public CostPrior Without() => new(null) { Kinds = Kinds };

    /// <summary>The standard deviation in microseconds; null where nothing is known.</summary>
    public double? WidthOf(OperationKind term) => _widths[(int)term];
}
