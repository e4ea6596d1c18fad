namespace IommuKit.Analysis.Report;

/// <summary>A row of a bar chart.</summary>
/// <param name="Label">What it is.</param>
/// <param name="Text">The value in words.</param>
/// <param name="Value">The length of the bar; null if only the interval means something.</param>
/// <param name="Low">The lower end of the interval; null if there is none.</param>
/// <param name="High">Its upper end.</param>
/// <param name="Part">How much of the bar, at its end, is set apart by a dotted edge.</param>
public sealed record BarRow(string Label, string Text, double? Value, double? Low = null, double? High = null, double Part = 0);
