using IommuKit.Traces.Audit;

namespace IommuKit.Analysis.Verdict;

/// <summary>Flushes that need not have been, or need not have dropped so much, for one reason.</summary>
/// <param name="Finding">What the audit says of it.</param>
/// <param name="Sure">How many flushes it is at least.</param>
/// <param name="AtMost">How many it may be; more than <paramref name="Sure"/> where the trace does not tell.</param>
public sealed record FlushWaste(AuditFinding Finding, long Sure, long AtMost)
{
    /// <summary>What of a trace's findings is waste, the most flushes first.</summary>
    /// <param name="audit">What was found.</param>
    internal static IReadOnlyList<FlushWaste> Of(AuditResult audit) =>
        [.. audit.Findings.Select(finding => Of(finding, audit.Mode)).OfType<FlushWaste>().OrderByDescending(waste => waste.Sure)];

    private static FlushWaste? Of(AuditFinding finding, InvalidationMode mode) => finding.Id switch
    {
        "not-batched" => new FlushWaste(finding, finding.Cost, finding.Cost),

        // Sure are those under whose table something stayed mapped; that the driver freed no table of the others is not in the trace.
        "walk-caches-dropped" => new FlushWaste(finding, finding.Details.GetValueOrDefault("tables_in_use"), finding.Count),

        // In lazy mode that is how it saves the flushes of the others.
        "whole-domain-invalidated" when mode == InvalidationMode.Deferred => null,
        "whole-domain-invalidated" or "range-rounded-up" or "map-time-invalidation" or "map-time-invalidation-first-stage" or "nothing-to-invalidate" =>
            new FlushWaste(finding, finding.Count, finding.Count),
        _ => null,
    };
}
