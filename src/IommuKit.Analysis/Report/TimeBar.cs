namespace IommuKit.Analysis.Report;

/// <summary>A bar of a chart over time.</summary>
/// <param name="From">Where it starts.</param>
/// <param name="To">Where it ends.</param>
/// <param name="Value">Its height; 0 is not drawn.</param>
/// <param name="Text">What it is, in words.</param>
/// <param name="IsPartial">Whether there was more, and nobody knows how much.</param>
public sealed record TimeBar(double From, double To, double Value, string Text, bool IsPartial = false);
