using IommuKit.Traces;

namespace IommuKit.Cli.Output;

/// <summary>How numbers are spread, as JSON has it.</summary>
/// <param name="histogram">The numbers.</param>
/// <param name="unit">By what they are divided.</param>
internal sealed class AuditSpreadRecord(LogHistogram histogram, double unit)
{
    public long Count => histogram.Count;

    public double P50 => histogram.Percentile(0.5) / unit;

    public double P90 => histogram.Percentile(0.9) / unit;

    public double P99 => histogram.Percentile(0.99) / unit;

    public double Max => histogram.Max / unit;
}
