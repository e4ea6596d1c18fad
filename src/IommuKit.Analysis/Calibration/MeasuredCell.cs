using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Calibration;

/// <summary>All times of one kind of work, with what the model counts for it.</summary>
/// <param name="Work">What was timed; null for work that no bench does.</param>
/// <param name="Samples">The times in microseconds, at least one.</param>
/// <param name="Counts">Operations of the work on the model, by <see cref="OperationKind"/>.</param>
public sealed record MeasuredCell(MeasuredWork? Work, IReadOnlyList<double> Samples, IReadOnlyList<double> Counts)
{
    /// <summary>The mean of the times.</summary>
    public double Mean => Samples.Average();

    /// <summary>The least time.</summary>
    public double Min => Samples.Min();

    /// <summary>The greatest time.</summary>
    public double Max => Samples.Max();

    /// <summary>Variance of a single time, relative to the mean: null where there is but one.</summary>
    public double? RelativeVariance
    {
        get
        {
            // Once, and not for each of what may be 100000 samples.
            double mean = Mean;
            return Samples.Count > 1 ? Samples.Sum(us => (us - mean) * (us - mean)) / (Samples.Count - 1) / (mean * mean) : null;
        }
    }
}
