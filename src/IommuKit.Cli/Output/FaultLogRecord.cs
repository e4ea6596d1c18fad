using IommuKit.Traces.Faults;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit audit --log FILE --json</c> writes without a trace: the faults, where an audit has them too.</summary>
internal sealed class FaultLogRecord(FaultReport report)
{
    /// <summary>There is no trace.</summary>
    public string? File { get; }

    public FaultReportRecord Faults => new(report);
}
