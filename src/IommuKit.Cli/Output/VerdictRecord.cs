using IommuKit.Analysis.Verdict;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit verdict --json</c> writes. docs/json.md describes the fields.</summary>
internal sealed class VerdictRecord(VerdictResult verdict)
{
    public string File => verdict.Audit.File;

    public string? Iommu => verdict.Iommu;

    public string? Kernel => verdict.Kernel;

    public string? Machine => verdict.Machine;

    public bool VirtualMachine => verdict.IsVirtual;

    public IReadOnlyList<string> Devices => verdict.Devices;

    public string Mode => Names.Of(verdict.Audit.Mode);

    public string CachingMode => Names.Of(verdict.Audit.CachingMode);

    public IReadOnlyList<int> Domains => verdict.Audit.Domains;

    public long? SpanNanoseconds => verdict.Span;

    public int Processors => verdict.Processors;

    public long MapEvents => verdict.Audit.Maps;

    public long UnmapEvents => verdict.Audit.Unmaps;

    public long LostEvents => verdict.Audit.Lost;

    public double Coverage => verdict.Coverage;

    public IReadOnlyList<string> LeftOut => verdict.LeftOut;

    public long Flushes => verdict.Flushes;

    public long PageFlushes => verdict.PageFlushes;

    public IReadOnlyDictionary<string, long> Invalidations => verdict.Audit.Invalidations;

    public FlushTimeRecord? FlushTime => verdict.Gaps is { } times ? new FlushTimeRecord(times, verdict.ShareOfTime) : null;

    public long ReservedCommands => verdict.Refused.Reserved;

    public long CommandsWithLargeMask => verdict.Refused.MaskTooLarge;

    public long FaultMessages => verdict.Audit.Faults.Messages;

    public IReadOnlyDictionary<string, int> FaultsByCause => verdict.Audit.Faults.ByCause
        .ToDictionary(cause => Names.Of(cause.Key), cause => cause.Value, StringComparer.Ordinal);

    public IReadOnlyList<string> WorstFaults => [.. FoldedFaults.WorstOf(verdict.Audit.Faults, 3).Select(fold => fold.Short())];

    public IReadOnlyList<AuditFindingRecord> Findings => [.. verdict.Audit.Findings.Select(finding => new AuditFindingRecord(finding))];

    public IReadOnlyList<FlushOptionRecord> Options => [.. verdict.Options.Select(option => new FlushOptionRecord(option))];

    public IReadOnlyList<AdviceRecord> Advice => [.. verdict.Advice.Select(advice => new AdviceRecord(advice))];

    public IReadOnlyList<string> Limits => verdict.Audit.Limits;

    public string? Problem => verdict.Audit.Problem;
}
