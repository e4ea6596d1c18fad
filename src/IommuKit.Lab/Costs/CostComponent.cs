namespace IommuKit.Lab.Costs;

/// <summary>What one operation costs, and how that is known.</summary>
/// <param name="Us">Microseconds.</param>
/// <param name="Kind">measured, fitted or assumed.</param>
/// <param name="Source">Where the number comes from.</param>
/// <param name="WidthUs">
/// How well it is known from elsewhere than the measurements that it is to be fitted to: the standard deviation of a prior, in microseconds. Null:
/// not at all, and a calibration leaves it free.
/// </param>
public sealed record CostComponent(double Us, string Kind, string Source, double? WidthUs = null);
