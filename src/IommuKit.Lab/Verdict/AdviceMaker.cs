using System.Globalization;
using IommuKit.Lab.Audit;

namespace IommuKit.Lab.Verdict;

/// <summary>Draws the conclusion from a verdict.</summary>
internal static class AdviceMaker
{
    // Less than this share of the processors' time, or of the flushes, is not worth a change.
    private const double LittleTime = 0.002;
    private const double LittleShare = 0.1;

    /// <summary>What is worth trying.</summary>
    public static IEnumerable<Advice> Of(VerdictResult verdict)
    {
        foreach (string id in (string[])["reused-before-invalidation", "never-invalidated"])
        {
            if (Find(verdict, id) is { Limit: null } danger)
            {
                yield return new Advice(
                    "look-at-missing-flushes",
                    string.Create(CultureInfo.InvariantCulture, $"before anything else, look at line {danger.FirstLine} ({danger.Id})"),
                    null);
            }
        }

        if (verdict.Flushes == 0)
        {
            yield return verdict.Iommu is null or "VT-d"
                ? new Advice("record-flushes", "record intel_iommu:qi_submit too, if this is VT-d: then what flushes cost can be told", null)
                : new Advice("no-flush-events", $"nothing more can be recorded: the kernel has no events for the flushes of {verdict.Iommu}", null);
            yield break;
        }

        var burst = verdict.Options.Single(option => option.Kind == FlushOptionKind.Burst);
        bool isCheap = verdict.ShareOfTime is { } share && share < LittleTime;
        double saved = 1 - (burst.Flushes!.Value / (double)verdict.Flushes);
        if (verdict.Audit.Mode == InvalidationMode.Deferred)
        {
            yield return new Advice("already-lazy", "nothing: flushes are deferred already", null);
        }
        else if (isCheap && saved < 0.5)
        {
            yield return new Advice("nothing", "nothing: flushes take too little of the time for a change to be felt", null);
        }
        else if (saved >= LittleShare)
        {
            yield return new Advice(
                "flush-once-per-burst",
                "one flush for each burst of unmaps",
                "the callers keep the memory until the burst ends: devices can reach it until then");
        }
        else
        {
            yield return new Advice("lazy-mode", "lazy mode (iommu.strict=0), if its exposure is acceptable", "no device is hostile or broken");
        }

        if (Find(verdict, "walk-caches-dropped") is { } walks && walks.Count >= LittleShare * verdict.Flushes)
        {
            yield return new Advice(
                "set-invalidation-hint",
                "set the invalidation hint (IH) where no table went; kernels since 2025 do",
                "the driver frees no page table with that unmap");
        }
    }

    private static AuditFinding? Find(VerdictResult verdict, string id) => verdict.Audit.Findings.FirstOrDefault(finding => finding.Id == id);
}
