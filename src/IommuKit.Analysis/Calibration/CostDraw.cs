using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Calibration;

/// <summary>
/// One resample of a calibration: the best costs for it first, and then, where the measurements cannot tell costs apart, the extremes of all that
/// are as good. Each has an element for every <see cref="OperationKind"/>, in microseconds.
/// </summary>
/// <param name="Vectors">At least one vector.</param>
public readonly record struct CostDraw(IReadOnlyList<double[]> Vectors);
