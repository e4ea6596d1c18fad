namespace IommuKit.Analysis.Report;

/// <summary>A row of a strip chart.</summary>
/// <param name="Label">What it is.</param>
/// <param name="Text">The values in words.</param>
/// <param name="Samples">What was measured; may be empty.</param>
/// <param name="Value">What it is compared with.</param>
public sealed record StripRow(string Label, string Text, IReadOnlyList<double> Samples, double Value);
