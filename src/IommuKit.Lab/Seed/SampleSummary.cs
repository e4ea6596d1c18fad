namespace IommuKit.Lab.Seed;

/// <summary>A few samples, in microseconds.</summary>
/// <param name="Mean">Their mean.</param>
/// <param name="Min">The least.</param>
/// <param name="Max">The greatest.</param>
/// <param name="Count">How many there are.</param>
public sealed record SampleSummary(double Mean, double Min, double Max, int Count);
