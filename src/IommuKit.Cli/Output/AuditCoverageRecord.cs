using IommuKit.Traces.Audit;

namespace IommuKit.Cli.Output;

/// <summary>What became of the unmaps, as <c>iommukit audit --json</c> has it. docs/json.md describes the fields.</summary>
internal sealed class AuditCoverageRecord(AuditCoverage coverage)
{
    private const double NanosecondsInMicrosecond = 1000;

    public long Covered => coverage.Covered;

    public long Unclear => coverage.Unclear;

    public long AtContextChange => coverage.AtContextChange;

    public long NeverCovered => coverage.NeverCovered;

    public long Waiting => coverage.Waiting;

    public long Superseded => coverage.Superseded;

    public long NotFollowed => coverage.NotFollowed;

    public long OfNothing => coverage.OfNothing;

    public long Shared => coverage.Shared;

    public long IotlbInvalidations => coverage.Translations;

    public long AfterMap => coverage.MapTime;

    public long ContextChanges => coverage.ContextChanges;

    public long Repeats => coverage.Repeats;

    public AuditSpreadRecord WindowEvents => new(coverage.WindowEvents, 1);

    public AuditSpreadRecord? WindowRecordedUs =>
        coverage.WindowNanoseconds.Count == 0 ? null : new AuditSpreadRecord(coverage.WindowNanoseconds, NanosecondsInMicrosecond);

    public AuditSpreadRecord WindowStalePages => new(coverage.WindowStalePages, 1);
}
