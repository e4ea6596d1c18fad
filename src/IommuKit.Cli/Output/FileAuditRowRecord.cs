using IommuKit.Traces.Audit;
using IommuKit.Traces.Faults;

namespace IommuKit.Cli.Output;

/// <summary>A finding or a fault as the CSV of <c>iommukit audit</c> on several files has it: the file, then as of one file.</summary>
internal sealed class FileAuditRowRecord : AuditRowRecord
{
    private FileAuditRowRecord(string file, AuditFinding finding)
        : base(finding) => File = file;

    private FileAuditRowRecord(string file, ExplainedFault fault)
        : base(fault) => File = file;

    public string File { get; }

    /// <summary>The rows of an audit: its findings, then its faults.</summary>
    public static new IEnumerable<FileAuditRowRecord> Of(AuditResult audit) =>
    [
        .. audit.Findings.Select(finding => new FileAuditRowRecord(audit.File, finding)),
        .. audit.Faults.Faults.Select(fault => new FileAuditRowRecord(audit.File, fault)),
    ];
}
