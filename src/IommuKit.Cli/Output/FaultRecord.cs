using CsvHelper.Configuration.Attributes;
using IommuKit.Traces.Faults;

namespace IommuKit.Cli.Output;

/// <summary>A fault as JSON and CSV have it. docs/json.md describes the fields.</summary>
internal sealed class FaultRecord(ExplainedFault fault)
{
    private const double NanosecondsInMicrosecond = 1000;

    public string Cause => Names.Of(fault.Cause);

    public string Reporter => Names.Of(fault.Fault.Reporter);

    public string? Device => fault.Fault.Device;

    public string? LikelyDevice => fault.LikelyDevice;

    public uint? Pasid => fault.Fault.Pasid;

    public string Direction => Names.Of(fault.Fault.Direction);

    public string? Iova => fault.Fault.Iova is { } iova ? Names.Hex(iova) : null;

    public string? LastIova => fault.LastIova is { } iova ? Names.Hex(iova) : null;

    public long Messages => fault.Messages;

    public bool HeaderOnly => fault.Fault.IsHeaderOnly;

    public long? LogLine => fault.LogLine;

    public long? TraceLine => fault.TraceLine;

    public double? TraceTimeUs => fault.TraceNanoseconds < 0 ? null : fault.TraceNanoseconds / NanosecondsInMicrosecond;

    public double? LogTimeUs => fault.Fault is { Clock: LogClock.Boot, Nanoseconds: >= 0 and var time } ? time / NanosecondsInMicrosecond : null;

    public uint? ReasonCode => fault.Fault.ReasonCode;

    public string Reason => fault.Fault.Reason;

    public string Evidence => Names.Of(fault.Fault.Evidence);

    public double? SinceMapUs => fault.SinceMap / NanosecondsInMicrosecond;

    public double? SinceUnmapUs => fault.SinceUnmap / NanosecondsInMicrosecond;

    public bool DomainKnown => fault.IsDomainKnown;

    [Ignore]
    public FaultMappingRecord? LastMap => FaultMappingRecord.Of(fault.LastMap);

    [Ignore]
    public FaultMappingRecord? LastUnmap => FaultMappingRecord.Of(fault.LastUnmap);

    [Ignore]
    public FaultMappingRecord? Below => FaultMappingRecord.Of(fault.Below);

    [Ignore]
    public FaultMappingRecord? Above => FaultMappingRecord.Of(fault.Above);

    [Ignore]
    public IReadOnlyList<string> Doubts => fault.Doubts;

    public string Message => fault.Fault.Message;
}
