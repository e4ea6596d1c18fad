namespace IommuKit.Analysis.Calibration;

/// <summary>A cell predicted by costs that were fitted without any cell of its size.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="PredictedUs">The prediction.</param>
/// <param name="IsReachable">
/// Whether costs that are sums over calls and pages could hit it. They could not if a page takes longer than in all samples of the same work at a
/// smaller size, or less long than in all at a larger one.
/// </param>
public sealed record LeftOutCell(MeasuredCell Cell, double PredictedUs, bool IsReachable)
{
    /// <summary>Whether the prediction is within the samples.</summary>
    public bool IsWithinSamples => PredictedUs >= Cell.Min && PredictedUs <= Cell.Max;

    /// <summary>How far it is outside the samples, relative to the nearer end: negative below, positive above, 0 within.</summary>
    public double Excess =>
        PredictedUs < Cell.Min ? (PredictedUs / Cell.Min) - 1 : PredictedUs > Cell.Max ? (PredictedUs / Cell.Max) - 1 : 0;
}
