namespace IommuKit.Lab.Costs;

/// <summary>What one operation costs, and how that is known.</summary>
/// <param name="Us">Microseconds.</param>
/// <param name="Kind">measured, fitted or assumed.</param>
/// <param name="Source">Where the number comes from.</param>
public sealed record CostComponent(double Us, string Kind, string Source);
