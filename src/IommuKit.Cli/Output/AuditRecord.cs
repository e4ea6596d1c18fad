using IommuKit.Traces.Audit;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit audit --json</c> writes. docs/json.md describes the fields.</summary>
internal sealed class AuditRecord(AuditResult audit)
{
    public string File => audit.File;

    public long MapEvents => audit.Maps;

    public long UnmapEvents => audit.Unmaps;

    public long OtherEvents => audit.Others;

    public long LostEvents => audit.Lost;

    public IReadOnlyDictionary<string, long> Invalidations => audit.Invalidations;

    public string Mode => Names.Of(audit.Mode);

    public string CachingMode => Names.Of(audit.CachingMode);

    public IReadOnlyList<int> Domains => audit.Domains;

    public int Units => audit.Units;

    public AuditCoverageRecord? Coverage => audit.Coverage is { } coverage ? new AuditCoverageRecord(coverage) : null;

    public AuditSpreadRecord ReuseDistanceEvents => new(audit.ReuseDistances, 1);

    public IReadOnlyList<AuditFindingRecord> Findings => [.. audit.Findings.Select(finding => new AuditFindingRecord(finding))];

    public FaultReportRecord Faults => new(audit.Faults);

    public IReadOnlyList<string> Limits => audit.Limits;

    public string? Problem => audit.Problem;
}
