using System.Globalization;
using IommuKit.Analysis.Report;
using IommuKit.Analysis.Verdict;
using IommuKit.Traces;
using IommuKit.Traces.Audit;
using IommuKit.Traces.Faults;

namespace IommuKit.Cli.Output.Report;

/// <summary>What was found in a trace: how bad, how often, and the lines where it shows first.</summary>
internal static class TraceFindings
{
    private const int ShownFaults = 5;

    // A page has to end somewhere.
    private const int MostFaults = 200;

    /// <summary>The first lines of all that is shown.</summary>
    public static IEnumerable<long> LinesOf(VerdictResult verdict) =>
    [
        .. verdict.Audit.Findings.Select(finding => finding.FirstLine),
        .. verdict.Audit.Faults.Worst(ShownFaults)
            .SelectMany(fault => new[] { fault.TraceLine, fault.LastMap?.Line, fault.LastUnmap?.Line, fault.Below?.Line })
            .OfType<long>(),
        verdict.Refused.FirstReservedLine,
        verdict.Refused.FirstMaskLine,
    ];

    /// <summary>What is wrong, or may be.</summary>
    public static IEnumerable<TraceProblem> Problems(VerdictResult verdict)
    {
        if (verdict.Audit.Faults.Faults.Count is not 0 and var faults)
        {
            yield return new TraceProblem(Numbers.Count(faults, "fault"), ReportTone.Bad);
        }

        foreach (var finding in verdict.Audit.Findings)
        {
            string? what = finding.Id switch
            {
                "reused-before-invalidation" => $"{Numbers.Count(finding.Count, "late flush", "late flushes")}",
                "never-invalidated" => $"{Numbers.Count(finding.Count, "missing flush", "missing flushes")}",
                _ => null,
            };
            if (what is not null)
            {
                yield return new TraceProblem(what, finding.Limit is null ? ReportTone.Bad : ReportTone.Doubtful);
            }
        }

        if (verdict.Refused.Reserved != 0)
        {
            yield return new TraceProblem(Numbers.Count(verdict.Refused.Reserved, "reserved command"), ReportTone.Bad);
        }

        if (verdict.Refused.MaskTooLarge != 0)
        {
            yield return new TraceProblem($"{Numbers.Count(verdict.Refused.MaskTooLarge, "mask")} too large", ReportTone.Doubtful);
        }
    }

    /// <summary>Writes them.</summary>
    public static void Write(ReportBody body, TraceRun trace)
    {
        var verdict = trace.Verdict;
        var faults = verdict.Audit.Faults;
        var worst = FoldedFaults.WorstOf(faults, ShownFaults);
        List<ReportFinding> findings =
        [
            .. worst.Select(fault => Fault(fault, trace)),
            .. Refused(trace),
            .. verdict.Audit.Findings.Select(finding => Finding(finding, trace))
                .OrderBy(finding => Rank(finding.Tone)).ThenByDescending(finding => finding.Share),
        ];
        if (findings.Count == 0)
        {
            body.Paragraph(verdict.Audit.Coverage is null
                ? "The trace has no invalidations, so that none can be found missing or wasted; and no device faulted in it."
                : "Nothing was found: no unmap without its invalidation, no invalidation without its unmap, and no fault.");
            return;
        }

        body.Findings(findings.Select((finding, i) => finding with { IsOpen = i == 0 || finding.Tone == ReportTone.Bad }));
        var others = FoldedFaults.Of([.. faults.Faults.Except(worst.SelectMany(fold => fold.All))], byDevice: true);
        if (others.Count != 0)
        {
            body.Fold($"The other {Numbers.Count(others.Sum(fold => fold.All.Count), "fault")}", () => body.List(
            [
                .. others.Take(MostFaults).Select(fold => fold.Short()),
                .. others.Count > MostFaults ? [$"… {Numbers.Count(others.Count - MostFaults)} more: iommukit audit lists them"] : Array.Empty<string>(),
            ]));
        }

        if (faults.Limits.Count != 0)
        {
            body.List(faults.Limits);
        }
    }

    private static ReportFinding Fault(FoldedFaults fold, TraceRun trace) => new(
        "Fault",
        ReportTone.Bad,
        fold.Headline(),
        fold.Place(),
        null,
        string.Empty,
        [.. FaultText.Details(fold.First)],
        Excerpt(trace, fold.First));

    private static IEnumerable<ReportFinding> Refused(TraceRun trace)
    {
        var refused = trace.Verdict.Refused;
        if (trace.Verdict.Audit.Faults is { FirstFlushFailures: [var failure, ..] } faults)
        {
            yield return new ReportFinding(
                "Danger",
                ReportTone.Bad,
                "Flushes that failed, as the kernel printed",
                $"{Numbers.Count(faults.FlushFailures, "message")}, first: {FaultText.Line(failure)}",
                null,
                string.Empty,
                ["Hardware refused a command or did not answer in time: what it was to drop may be reachable still.", .. faults.FirstFlushFailures.Take(10).Select(one => one.Message)],
                failure.IsInTrace ? Excerpt(trace, failure.Line) : null);
        }

        if (refused.Reserved != 0)
        {
            yield return new ReportFinding(
                "Danger",
                ReportTone.Bad,
                "Commands of a reserved kind",
                $"{Numbers.Count(refused.Reserved)}, first in line\u00a0{refused.FirstReservedLine}",
                null,
                string.Empty,
                ["Hardware does not know them: the queue stops with an error."],
                Excerpt(trace, refused.FirstReservedLine));
        }

        if (refused.MaskTooLarge != 0)
        {
            yield return new ReportFinding(
                "Doubtful",
                ReportTone.Doubtful,
                "Page flushes with a mask above 18",
                $"{Numbers.Count(refused.MaskTooLarge)}, first in line\u00a0{refused.FirstMaskLine}",
                null,
                string.Empty,
                ["Hardware has to take no larger one, and may refuse it."],
                Excerpt(trace, refused.FirstMaskLine));
        }
    }

    private static ReportFinding Finding(AuditFinding finding, TraceRun trace)
    {
        var verdict = trace.Verdict;
        var (severity, tone, isOfUnmaps, title) = finding.Id switch
        {
            "reused-before-invalidation" => (Danger(finding), ToneOf(finding), true, "IOVAs mapped again before their flush"),
            "never-invalidated" => (Danger(finding), ToneOf(finding), true, "Unmaps that were never flushed"),
            "deferred-invalidation" => ("Exposure", ReportTone.Plain, true, "Unmaps flushed later, as lazy mode does"),
            "walk-caches-dropped" => ("Waste", ReportTone.Doubtful, false, "Walk caches dropped for tables that stayed"),
            "whole-domain-invalidated" when verdict.Waste.All(waste => waste.Finding != finding) =>
                ("Exposure", ReportTone.Plain, false, "Whole domains flushed for all that was unmapped since, as lazy mode does"),
            "whole-domain-invalidated" => ("Waste", ReportTone.Doubtful, false, "Whole domains flushed for a few pages"),
            "range-rounded-up" => ("Waste", ReportTone.Doubtful, false, "More pages flushed than unmapped"),
            "not-batched" => ("Waste", ReportTone.Doubtful, false, "Flushed one by one where one would do"),
            "map-time-invalidation" or "map-time-invalidation-first-stage" => ("Waste", ReportTone.Doubtful, false, "Flushes after maps"),
            "nothing-to-invalidate" => ("Waste", ReportTone.Doubtful, false, "Flushes that dropped nothing"),
            _ => ("Noted", ReportTone.Plain, false, finding.Id),
        };
        long count = verdict.Waste.FirstOrDefault(waste => waste.Finding == finding)?.Sure ?? finding.Count;
        long all = isOfUnmaps ? verdict.Audit.Unmaps : verdict.Flushes;
        string whole = isOfUnmaps ? "unmaps" : "flushes";
        double? share = all == 0 ? null : Math.Min(1, count / (double)all);
        string of = share is { } part ? $"{VerdictText.Share(part)} of all {whole}: " : string.Empty;
        string details = string.Join(", ", finding.Details.Select(detail => $"{Names.InWords(detail.Key)} {Numbers.Count(detail.Value)}"));
        return new ReportFinding(
            severity,
            tone,
            title,
            string.Create(CultureInfo.InvariantCulture, $"{of}{count:#,0}, first in line\u00a0{finding.FirstLine:#,0}"),
            share,
            whole,
            [
                finding.Meaning,
                .. finding.Limit is { } limit ? [limit] : Array.Empty<string>(),
                $"{finding.Id}: {Numbers.Count(finding.Count)}, cost {Numbers.Count(finding.Cost)} {finding.CostUnit}"
                    + (details.Length == 0 ? "." : $" ({details})."),
            ],
            Excerpt(trace, finding.FirstLine));
    }

    private static string Danger(AuditFinding finding) => finding.Limit is null ? "Danger" : "Doubtful";

    private static ReportTone ToneOf(AuditFinding finding) => finding.Limit is null ? ReportTone.Bad : ReportTone.Doubtful;

    private static int Rank(ReportTone tone) => tone switch
    {
        ReportTone.Bad => 0,
        ReportTone.Doubtful => 1,
        _ => 2,
    };

    /// <summary>What was mapped and unmapped, and what was printed of the fault.</summary>
    private static ReportTable? Excerpt(TraceRun trace, ExplainedFault fault)
    {
        if (fault.TraceLine is not { } line || !trace.Excerpts.TryGetValue(line, out var around))
        {
            return null;
        }

        IEnumerable<long> changes = new[] { fault.LastMap?.Line, fault.LastUnmap?.Line, fault is { LastMap: null, LastUnmap: null } ? fault.Below?.Line : null }
            .OfType<long>().Order();
        ExcerptLine[] printed = [.. around.Where(one => one.Event.Line >= line).TakeWhile(one => one.Event.Line == line || one.Event.Kind == TraceEventKind.Console)];
        ExcerptLine[] lines =
        [
            .. changes.Select(change => trace.Excerpts.GetValueOrDefault(change)?.FirstOrDefault(one => one.Event.Line == change)).OfType<ExcerptLine>(),
            .. printed,
        ];

        // A heading comes before the message with the address.
        string? address = fault.Fault.Iova is { } iova ? iova.ToString("x", CultureInfo.InvariantCulture) : null;
        long marked = printed.FirstOrDefault(one => address is not null && one.Message.Contains(address, StringComparison.OrdinalIgnoreCase))?.Event.Line ?? line;
        return ExcerptTable.Of(lines, marked, "The page's last map and unmap, and the fault");
    }

    private static ReportTable? Excerpt(TraceRun trace, long line) =>
        trace.Excerpts.TryGetValue(line, out var lines) ? ExcerptTable.Of(lines, line) : null;
}
