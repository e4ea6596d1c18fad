namespace IommuKit.Analysis.Calibration;

/// <summary>How a calibration is done.</summary>
public sealed record CalibrationOptions
{
    /// <summary>The fewest resamples: of fewer, not even one lies beyond each end of a 90 % interval.</summary>
    public const int MinResamples = 20;

    /// <summary>The most resamples: beyond it nothing changes but the time.</summary>
    public const int MaxResamples = 100_000;

    /// <summary>What is known beside the measurements.</summary>
    public required CostPrior Prior { get; init; }

    /// <summary>Resamples for intervals, from <see cref="MinResamples"/> to <see cref="MaxResamples"/>.</summary>
    public int Resamples { get; init; } = 1000;

    /// <summary>Starts the random numbers of the resamples.</summary>
    public int Seed { get; init; } = 1;
}
