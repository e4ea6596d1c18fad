using System.Globalization;
using IommuKit.Traces.Audit;

namespace IommuKit.Analysis.Verdict;

/// <summary>Draws the conclusion from a verdict.</summary>
internal static class AdviceMaker
{
    // Less than this share of the processors' time is not worth a change.
    private const double LittleTime = 0.01;
    private const double LittleShare = 0.1;

    // With less than this share covered, nothing is said about the rest.
    private const double LittleCoverage = 0.5;

    private const string Larger = "record again with a larger buffer";

    /// <summary>What is worth trying.</summary>
    public static IEnumerable<Advice> Of(VerdictResult verdict)
    {
        var audit = verdict.Audit;
        foreach (var advice in DangerAdvice.Of(verdict))
        {
            yield return advice;
        }

        if (verdict.Audit.WhyOneSided is not null && verdict.Flushes != 0)
        {
            yield return new Advice(
                "record-both",
                verdict.Audit.Unmaps == 0
                    ? "record iommu:unmap too: which unmaps a flush is for is what tells whether it is missing, late or wasted"
                    : "record iommu:map too, if the kernel prints it: without maps bursts, reuse and flushes for nothing cannot be told",
                null);
            yield break;
        }

        if (verdict.Audit.ReadShare < LittleCoverage && verdict.Audit.Missing > verdict.Audit.Lost)
        {
            // What comes before the cut is whole: it can be judged for itself.
            yield return new Advice("copy-again", "copy the file again: it is cut off, or lines were taken out, and all here is about the rest", null);
        }

        if (verdict.Coverage < LittleCoverage && WhyLittle(verdict) is { } why)
        {
            yield return new Advice("record-again", why, null);
            yield break;
        }

        if (verdict.Flushes == 0)
        {
            yield return verdict.Iommu switch
            {
                null => new Advice(
                    "record-flushes",
                    "record intel_iommu:qi_submit too, if this is VT-d: then what flushes cost can be told; of AMD-Vi, SMMUs and virtio-iommu there are no "
                        + "such events. Which it is, the kernel's log tells: --log",
                    null),
                "VT-d" => new Advice("record-flushes", "record intel_iommu:qi_submit too: then what flushes cost can be told", null),
                var other => new Advice("no-flush-events", $"nothing can be said of flushes: the driver of {other} has no events for them", null),
            };
            yield break;
        }

        if (audit.OutOfOrder != 0)
        {
            yield return new Advice(
                "order-events",
                "bring the events into the order of their times first, as 'trace-cmd report' does: what is late or missing, and what other ways would leave "
                    + "reachable, depends on it",
                null);
        }
        else if (DangerAdvice.DoubtfulLine(verdict) is { } line)
        {
            long unread = audit.Damaged + audit.UnknownLines;
            var (how, what) = !audit.IsIncomplete ? ("record one device at a time", "maps and unmaps do not say their domain, which would tell")
                : (audit.Missing > Math.Max(audit.Lost, unread) ? "take the whole file"
                    : audit.Lost >= unread ? Larger
                    : "record or copy it again", "events are missing that would tell");
            yield return new Advice(
                audit.IsIncomplete ? "record-whole" : "record-apart",
                string.Create(CultureInfo.InvariantCulture, $"{how}: from line {line} on flushes seem to be late or missing, and {what}"),
                null);
        }

        foreach (var advice in OfFlushes(verdict))
        {
            yield return advice;
        }
    }

    // Why most cannot be judged; null if that is only as the file is cut off.
    private static string? WhyLittle(VerdictResult verdict)
    {
        var audit = verdict.Audit;
        bool isCut = audit.Missing > Math.Max(audit.Lost, audit.Damaged);
        if (audit.ReadShare < LittleCoverage && !isCut)
        {
            return audit.Lost >= audit.Damaged
                ? $"{Larger}: most events were lost, and all above is about the rest"
                : "record again, or copy the file again: most of its lines are damaged, and all above is about the rest";
        }

        if (verdict.Coverage >= LittleCoverage * audit.ReadShare)
        {
            return isCut ? null : $"{Larger}: of most unmaps it cannot be told when they were flushed, as events are missing";
        }

        return audit.Lost != 0 && audit.Coverage is { } coverage && coverage.NotFollowed > coverage.Unclear + coverage.AtContextChange
            ? $"{Larger}: of most unmaps it cannot be told when they were flushed, as events are missing"
            : "record one device at a time: maps and unmaps do not say their domain, and most cannot be judged";
    }

    // How many times busier with flushes than on average the busiest second was: what is idle for long is not judged by that.
    private static double Busier(VerdictResult verdict) =>
        verdict is { ShareOfTime: > 0 and { } share, BusiestShareOfTime: { } busiest } ? Math.Max(1, busiest / share) : 1;

    private static IEnumerable<Advice> OfFlushes(VerdictResult verdict)
    {
        bool hasDanger = DangerAdvice.IsAny(verdict) || DangerAdvice.DoubtfulLine(verdict) is not null || verdict.Audit.OutOfOrder != 0;
        var burst = verdict.Options.Single(option => option.Kind == FlushOptionKind.Burst);
        bool isBurst = 1 - (burst.Flushes!.Value / (double)verdict.Flushes) >= LittleShare;
        var best = isBurst ? burst : verdict.Options.Single(option => option.Kind == FlushOptionKind.Lazy);
        string unless = verdict.Times is { TooLong: not 0 } ? $", if none took longer than {FlushTimes.CutOff / 1000} µs" : string.Empty;
        if (verdict.Audit.Mode == InvalidationMode.Deferred)
        {
            yield return new Advice("already-lazy", "nothing: flushes are deferred already", null);
        }
        else if (verdict.ShareOfTime is { } share && share * Busier(verdict) < LittleTime)
        {
            yield return new Advice("nothing", $"leave the flushes as they are: they take {Percent(share)} % of the CPUs' time at most{unless}", null);
        }
        else if (hasDanger)
        {
            // Said above: fewer flushes leave memory reachable for longer, and here something reaches it, or flushes may be too few already.
        }
        else if (verdict.Times is null)
        {
            yield return new Advice(
                "flush-time-unknown", "nothing yet: what fewer flushes would save cannot be told, as the time of these is not known", null);
        }
        else if (ShareOf(verdict, best.SavedNanoseconds) is { } saved && saved * Busier(verdict) < LittleTime)
        {
            string what = isBurst ? "one for each burst of unmaps" : "lazy mode";
            yield return new Advice("nothing", $"leave the flushes of unmaps as they are: {what} would save {Percent(saved)} % of the CPUs' time{unless}", null);
        }
        else if (isBurst)
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

        if (verdict.Audit is { CachingMode: CachingMode.On, Coverage: { } coverage } && coverage.MapTime >= LittleShare * verdict.Flushes)
        {
            yield return new Advice(
                "caching-mode",
                $"{Percent(coverage.MapTime / (double)verdict.Flushes)} % of the flushes follow maps: in caching mode they have to, outside it none would",
                null);
        }

        if (!hasDanger && Find(verdict, "walk-caches-dropped") is { } walks && walks.Count >= LittleShare * verdict.Flushes)
        {
            yield return new Advice(
                "set-invalidation-hint",
                "set the invalidation hint (IH) on flushes that free no page table: devices need not walk from the root then",
                "it stays clear where one is freed");
        }
    }

    private static double? ShareOf(VerdictResult verdict, long? nanoseconds) =>
        verdict is { Span: > 0, Processors: > 0 } ? Math.Max(0, nanoseconds ?? 0) / ((double)verdict.Span.Value * verdict.Processors) : null;

    private static string Percent(double share) => (share * 100).ToString(share < 0.1 ? "0.##" : "0", CultureInfo.InvariantCulture);

    private static AuditFinding? Find(VerdictResult verdict, string id) => verdict.Audit.Findings.FirstOrDefault(finding => finding.Id == id);
}
