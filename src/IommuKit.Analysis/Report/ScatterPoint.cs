namespace IommuKit.Analysis.Report;

/// <summary>A point of a scatter chart.</summary>
/// <param name="Label">What it is.</param>
/// <param name="X">Where it lies across.</param>
/// <param name="FarX">How far it may reach; null if no further.</param>
/// <param name="Y">Where it lies upwards.</param>
/// <param name="Text">The values in words.</param>
/// <param name="Style">Number of its mark and colour.</param>
public sealed record ScatterPoint(string Label, double X, double? FarX, double Y, string Text, int Style);
