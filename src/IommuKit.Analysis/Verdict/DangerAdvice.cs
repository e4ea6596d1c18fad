using IommuKit.Traces.Audit;
using IommuKit.Traces.Faults;
using static System.FormattableString;

namespace IommuKit.Analysis.Verdict;

/// <summary>What to look at before anything is changed: commands that hardware refuses, flushes that are too few, and faults.</summary>
internal static class DangerAdvice
{
    /// <summary>What to look at, the likely causes of the rest first.</summary>
    public static IEnumerable<Advice> Of(VerdictResult verdict)
    {
        if (verdict.Refused is { Reserved: not 0 } refused)
        {
            yield return new Advice(
                "look-at-reserved-command",
                Invariant($"before anything else, find out what line {refused.FirstReservedLine} is: the queue stops there, and what comes after it is not flushed"),
                null);
        }

        if (verdict.Refused is { MaskTooLarge: not 0 } large)
        {
            yield return new Advice(
                "look-at-large-mask",
                Invariant($"before anything else, look at line {large.FirstMaskLine}: where hardware refuses its mask, its unmap is not flushed"),
                null);
        }

        if (Flushes(verdict).Select(finding => Invariant($"line {finding.FirstLine} ({finding.Id})")).ToList() is { Count: not 0 } lines)
        {
            yield return new Advice(
                "look-at-missing-flushes", $"before anything else, look at {string.Join(" and ", lines)}, and leave the flushes until then", null);
        }

        var faults = verdict.Audit.Faults;
        if (faults.FirstFlushFailures is [var failed, ..])
        {
            string place = Invariant($"line {failed.Line} of the {(failed.IsInTrace ? "trace" : "log")}");
            yield return new Advice("look-at-failed-flushes", $"before anything else, find out why flushes fail (first: {place}): nothing is safe until they do not", null);
        }

        if (faults.InBoth == 0 && faults.Faults.Count != 0 && faults.Faults.All(one => one.TraceLine is null))
        {
            yield return new Advice(
                "tie-the-log",
                "before anything else, make sure that the log is of the same run as the trace; with printk:console recorded, its faults would be in both",
                null);
        }
        else if (faults.Faults.Where(one => one.Cause == FaultCause.UsedAfterUnmap).OrderBy(one => one.IsInDoubt).FirstOrDefault() is { } fault)
        {
            string where = fault.TraceLine is { } line
                ? Invariant($"line {line}")
                : Invariant($"line {fault.LogLine} of the log");
            yield return new Advice(
                "look-at-faults",
                fault.IsInDoubt
                    ? $"before anything else, find out whether memory is used after its unmap (first: {where}), and leave the flushes until then"
                    : $"before anything else, find out who uses memory after its unmap (first: {where}), and leave the flushes until then",
                null);
        }
        else if (faults.Faults.Count != 0)
        {
            string what = faults.Faults.All(fault => fault.Fault.Iova is null)
                ? "their messages do not say what was accessed"
                : "'iommukit audit' tells of each";
            yield return new Advice("look-at-other-faults", $"before anything else, find out why devices fault: {what}", null);
        }
    }

    /// <summary>Whether flushes are too few or refused, or memory is used after its unmap: fewer would make that worse.</summary>
    public static bool IsAny(VerdictResult verdict) =>
        verdict.Refused is not { Reserved: 0, MaskTooLarge: 0 }
        || verdict.Audit.Faults.Faults.Any(fault => fault.Cause == FaultCause.UsedAfterUnmap)
        || Flushes(verdict).Any();

    /// <summary>The line where flushes seem to be too few, and something else may explain it; null if there is none.</summary>
    public static long? DoubtfulLine(VerdictResult verdict) =>
        verdict.Audit.Findings.FirstOrDefault(finding => finding.Limit is not null && IsOfMissing(finding))?.FirstLine;

    // Flushes that are too few, and nothing else explains it.
    private static IEnumerable<AuditFinding> Flushes(VerdictResult verdict) =>
        verdict.Audit.Findings.Where(finding => finding.Limit is null && IsOfMissing(finding));

    private static bool IsOfMissing(AuditFinding finding) => finding.Id is "reused-before-invalidation" or "never-invalidated";
}
