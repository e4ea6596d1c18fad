using IommuKit.Lab.Costs;

namespace IommuKit.Analysis.Calibration;

/// <summary>What is known of costs before anything is fitted: a value and a standard deviation for some terms, nothing for the others.</summary>
public sealed class CostPrior
{
    private readonly double[] _us = new double[CostTerms.All.Count];
    private readonly double?[] _widths = new double?[CostTerms.All.Count];

    /// <summary>Takes what a cost vector knows from elsewhere than the measurements: the components that have a width.</summary>
    /// <param name="source">The vector; null for no knowledge at all.</param>
    public CostPrior(CostVector? source)
    {
        Source = source;
        foreach (var term in CostTerms.All)
        {
            if (source?.Components.Of(term) is { } component)
            {
                _us[(int)term] = component.Us;
                _widths[(int)term] = component.WidthUs;
            }
        }
    }

    /// <summary>Where it comes from; null if there is none.</summary>
    public CostVector? Source { get; }

    /// <summary>
    /// The value: the centre of the prior where <see cref="WidthOf"/> is not null, otherwise only what to assume of
    /// a term that the measurements do not have.
    /// </summary>
    public double UsOf(CostTerm term) => _us[(int)term];

    /// <summary>The standard deviation in microseconds; null where nothing is known.</summary>
    public double? WidthOf(CostTerm term) => _widths[(int)term];
}
