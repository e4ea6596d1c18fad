using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Calibration.Gaps;

/// <summary>What a trace says that an operation costs at most.</summary>
/// <param name="Kind">The operation.</param>
/// <param name="Us">Microseconds of recorded time: an upper bound, as what is recorded holds other work too.</param>
/// <param name="Interval">The 90 % interval of the bound; null if it is not from the trace.</param>
/// <param name="Source">What it was taken from.</param>
public sealed record TraceCost(OperationKind Kind, double Us, Interval90? Interval, string Source);
