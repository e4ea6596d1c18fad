namespace IommuKit.Analysis.Report;

/// <summary>A distribution: which value a share of all does not exceed.</summary>
/// <param name="Label">What it is of.</param>
/// <param name="Style">Number of its dash, mark and colour, so that the same thing looks the same in every chart.</param>
/// <param name="Quantile">The value that a share, from 0 to 1, does not exceed.</param>
public sealed record Curve(string Label, int Style, Func<double, double> Quantile);
