using IommuKit.Traces.Audit;
using IommuKit.Traces.Faults;

namespace IommuKit.Cli.Output;

/// <summary>A finding or a fault as the CSV of <c>iommukit audit TRACE</c> has it. docs/json.md describes the columns.</summary>
internal class AuditRowRecord
{
    private const double NanosecondsInMicrosecond = 1000;

    private readonly ExplainedFault? _fault;

    /// <summary>A row for a finding.</summary>
    public AuditRowRecord(AuditFinding finding)
    {
        (Kind, Id) = ("finding", finding.Id);
        (Count, FirstLine, Cost, CostUnit) = (finding.Count, finding.FirstLine, finding.Cost, finding.CostUnit);
        (Meaning, Limit) = (finding.Meaning, finding.Limit);
    }

    /// <summary>A row for a fault.</summary>
    public AuditRowRecord(ExplainedFault fault)
    {
        _fault = fault;
        (Kind, Id) = ("fault", Names.Of(fault.Cause));
        (Count, FirstLine) = (fault.Messages, fault.TraceLine);
        (Meaning, Limit) = (FaultText.Headline(fault), fault.Doubts.Count == 0 ? null : string.Join("; ", fault.Doubts));
    }

    public string Id { get; }

    public long Count { get; }

    public long? FirstLine { get; }

    public long? Cost { get; }

    public string? CostUnit { get; }

    public string Meaning { get; }

    public string? Limit { get; }

    public string Kind { get; }

    public string? Device => _fault?.Fault.Device;

    public string? Direction => _fault is null ? null : Names.Of(_fault.Fault.Direction);

    public string? Iova => _fault?.Fault.Iova is { } iova ? Names.Hex(iova) : null;

    public string? LastIova => _fault?.LastIova is { } iova ? Names.Hex(iova) : null;

    public long? LogLine => _fault?.LogLine;

    public double? TraceTimeUs => _fault is { TraceNanoseconds: >= 0 and var time } ? time / NanosecondsInMicrosecond : null;

    public double? SinceMapUs => _fault?.SinceMap / NanosecondsInMicrosecond;

    public double? SinceUnmapUs => _fault?.SinceUnmap / NanosecondsInMicrosecond;

    /// <summary>The rows of an audit: its findings, then its faults.</summary>
    public static IEnumerable<AuditRowRecord> Of(AuditResult audit) =>
    [
        .. audit.Findings.Select(finding => new AuditRowRecord(finding)),
        .. audit.Faults.Faults.Select(fault => new AuditRowRecord(fault)),
    ];
}
