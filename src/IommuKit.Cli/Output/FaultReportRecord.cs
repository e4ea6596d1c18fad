using IommuKit.Traces.Faults;

namespace IommuKit.Cli.Output;

/// <summary>The faults, as <c>iommukit audit --json</c> has them. docs/json.md describes the fields.</summary>
internal sealed class FaultReportRecord(FaultReport report)
{
    private const double NanosecondsInMicrosecond = 1000;

    public string? LogFile => report.LogFile;

    public long LogLines => report.LogLines;

    public long Messages => report.Messages;

    public long NotKept => report.NotKept;

    public long SuppressedCalls => report.SuppressedCalls;

    public double? ClockOffsetUs => report.ClockOffset / NanosecondsInMicrosecond;

    public IReadOnlyDictionary<string, int> ByCause =>
        report.ByCause.ToDictionary(cause => Names.Of(cause.Key), cause => cause.Value, StringComparer.Ordinal);

    public IReadOnlyList<FaultRecord> Faults => [.. report.Faults.Select(fault => new FaultRecord(fault))];

    public IReadOnlyList<SuppressedMessages> Suppressed => report.Suppressed;

    public IReadOnlyList<string> Limits => report.Limits;

    public string? Problem => report.Problem;
}
