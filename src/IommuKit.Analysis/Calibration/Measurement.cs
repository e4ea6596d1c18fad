namespace IommuKit.Analysis.Calibration;

/// <summary>A time that somebody measured.</summary>
/// <param name="Work">What was timed.</param>
/// <param name="Microseconds">How long it took.</param>
public readonly record struct Measurement(MeasuredWork Work, double Microseconds);
